"""Training jobs: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTrainingJob.html"""

from __future__ import annotations

from typing import Any

from localcloud.sagemaker.errors import ResourceInUse, ValidationException
from localcloud.sagemaker.limits import require_member, require_one_of, require_s3_uri, require_unique
from localcloud.sagemaker.resources import job_component
from localcloud.sagemaker.resources.debugger import check_debugger, profiling_status
from localcloud.sagemaker.resources.input_data import check_channel, check_instance_groups
from localcloud.sagemaker.resources.job import delete_operation, stop_operation
from localcloud.sagemaker.resources.listing import list_page
from localcloud.sagemaker.resources.resource import Call, Document, Operation, Resource
from localcloud.sagemaker.resources.secondary_status import begin_secondary_status
from localcloud.sagemaker.resources.warm_pool import check_can_update, check_warm_pool, retains_pool

TRAINING_JOB = Resource(
    kind="training-job",
    noun="TrainingJob",
    status_member="TrainingJobStatus",
    missing=lambda name, arn: ValidationException("Requested resource not found."),
    taken=lambda name, arn: ResourceInUse(
        "Training job names must be unique within an AWS account and region, "
        f"and a training job with this name already exists ({arn})"
    ),
)

_DEFAULT_RUNTIME_SECONDS = 86_400
_MAXIMUM_RUNTIME_SECONDS = 28 * 86_400


def _create(call: Call, request: Document) -> Document:
    check(request)
    call.pass_role(request["RoleArn"])
    name = request["TrainingJobName"]
    job_component.check(call, request)
    job = TRAINING_JOB.insert(call, name, _document(request, call.plane.now()), request.get("Tags", []))
    job_component.record(call, TRAINING_JOB, job)
    call.plane.jobs.start(TRAINING_JOB.kind, name)
    return {"TrainingJobArn": job["TrainingJobArn"]}


def _document(request: Document, now: float) -> Document:
    document = {member: value for member, value in request.items() if member != "Tags"}
    stopping = {"MaxRuntimeInSeconds": _DEFAULT_RUNTIME_SECONDS} | request.get("StoppingCondition", {})
    document["StoppingCondition"] = stopping
    for switch in ("EnableNetworkIsolation", "EnableInterContainerTrafficEncryption", "EnableManagedSpotTraining"):
        document.setdefault(switch, False)
    document |= profiling_status(request)
    document["TrainingJobStatus"] = "InProgress"
    begin_secondary_status(document, "Starting", "Preparing the instances for training", now)
    return document


def check(request: Document) -> None:
    """Refuse a CreateTrainingJob request as SageMaker does."""
    if "ServerlessJobConfig" in request:
        raise ValidationException("The embedded cloud does not cover ServerlessJobConfig; give a ResourceConfig")
    algorithm = require_member(request, "AlgorithmSpecification", "algorithmSpecification")
    require_one_of(algorithm, ("TrainingImage", "AlgorithmName"), "AlgorithmSpecification")
    if "AlgorithmName" in algorithm:
        raise ValidationException("The embedded cloud does not cover AlgorithmName; give a TrainingImage")
    _check_resources(require_member(request, "ResourceConfig", "resourceConfig"))
    _check_stopping(request)
    _check_data(request)
    check_warm_pool(request)
    check_debugger(request)


def _check_resources(resources: Document) -> None:
    if resources.get("InstanceGroups"):
        check_instance_groups(resources)
        members: tuple[str, ...] = ("VolumeSizeInGB",)
    else:
        require_member(resources, "InstanceType", "resourceConfig.instanceType")
        members = ("InstanceCount", "VolumeSizeInGB")
    for member in members:
        path = f"resourceConfig.{member[0].lower()}{member[1:]}"
        value = require_member(resources, member, path)
        if value < 1:
            raise ValidationException(
                f"1 validation error detected: Value '{value}' at '{path}' failed to satisfy constraint: "
                "Member must have value greater than or equal to 1"
            )


def _check_stopping(request: Document) -> None:
    condition = request.get("StoppingCondition", {})
    runtime = condition.get("MaxRuntimeInSeconds", _DEFAULT_RUNTIME_SECONDS)
    wait = condition.get("MaxWaitTimeInSeconds")
    if runtime > _MAXIMUM_RUNTIME_SECONDS:
        raise ValidationException(
            f"Invalid MaxRuntimeInSeconds {runtime}. It must be at most {_MAXIMUM_RUNTIME_SECONDS} (28 days)"
        )
    if request.get("EnableManagedSpotTraining"):
        if wait is None or wait < runtime:
            raise ValidationException(
                "Invalid MaxWaitTimeInSeconds. It must be present and be greater than or equal to MaxRuntimeInSeconds"
            )
    elif wait is not None:
        raise ValidationException(
            f"Invalid MaxWaitTimeInSeconds {wait}. It may be specified only when EnableManagedSpotTraining is true"
        )


def _check_data(request: Document) -> None:
    require_s3_uri(request["OutputDataConfig"]["S3OutputPath"], "outputDataConfig.s3OutputPath")
    channels: list[dict[str, Any]] = request.get("InputDataConfig", [])
    require_unique((channel["ChannelName"] for channel in channels), "channel name")
    for index, channel in enumerate(channels, 1):
        path = f"inputDataConfig.{index}.member.dataSource"
        source = channel["DataSource"]
        if "S3DataSource" not in source:
            given = next(iter(source), "none")
            raise ValidationException(f"The embedded cloud covers only S3DataSource at '{path}'; found {given}")
        require_s3_uri(source["S3DataSource"]["S3Uri"], f"{path}.s3DataSource.s3Uri")
        check_channel(channel, request)
    if "CheckpointConfig" in request:
        require_s3_uri(request["CheckpointConfig"]["S3Uri"], "checkpointConfig.s3Uri")


def _list(call: Call, request: Document) -> Document:
    pool = request.get("WarmPoolStatusEquals")
    equals = {"equals": {"WarmPoolStatus.Status": pool}} if pool else {}
    return list_page(call, TRAINING_JOB, "ListTrainingJobs", request, ("WarmPoolStatusEquals",), **equals)


def _update(call: Call, request: Document) -> Document:
    """Of a running job, or one whose warm pool is available; the profiler's configuration is kept, as at creation."""
    name = request["TrainingJobName"]
    check_debugger(request)

    def change(job: Document) -> None:
        check_can_update(job, request)
        job["ResourceConfig"].update(request.get("ResourceConfig", {}))
        if "ProfilerConfig" in request:
            job["ProfilerConfig"] = {**job.get("ProfilerConfig", {}), **request["ProfilerConfig"]}
        job["LastModifiedTime"] = call.plane.now()

    job = TRAINING_JOB.update(call, name, change)
    call.plane.jobs.update_keep_alive(job["TrainingJobName"])
    return {"TrainingJobArn": job["TrainingJobArn"]}


OPERATIONS: dict[str, Operation] = {
    "CreateTrainingJob": _create,
    "DescribeTrainingJob": lambda call, request: TRAINING_JOB.find(call, request["TrainingJobName"]),
    "ListTrainingJobs": _list,
    "UpdateTrainingJob": _update,
    "StopTrainingJob": stop_operation(TRAINING_JOB, "training job"),
    "DeleteTrainingJob": delete_operation(TRAINING_JOB, "training job", still_needed=retains_pool),
}
