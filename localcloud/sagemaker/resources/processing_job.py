"""Processing jobs: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateProcessingJob.html"""

from __future__ import annotations

from localcloud.sagemaker.errors import ResourceInUse, ValidationException
from localcloud.sagemaker.limits import require_member, require_s3_uri, require_unique
from localcloud.sagemaker.resources import job_component
from localcloud.sagemaker.resources.input_data import check_processing_input
from localcloud.sagemaker.resources.job import delete_operation, stop_operation
from localcloud.sagemaker.resources.listing import list_operation
from localcloud.sagemaker.resources.resource import Call, Document, Operation, Resource

PROCESSING_JOB = Resource(
    kind="processing-job",
    noun="ProcessingJob",
    status_member="ProcessingJobStatus",
    missing=lambda name, arn: ValidationException(f"Could not find requested job with name: {name}"),
    taken=lambda name, arn: ResourceInUse(
        f"Job name must be unique within an AWS account and region, and a job with this name already exists ({arn})"
    ),
)

_LOCAL_ROOT = "/opt/ml/processing"
_DEFAULT_RUNTIME_SECONDS = 86_400


def _create(call: Call, request: Document) -> Document:
    _check_inputs(request)
    _check_outputs(request)
    call.pass_role(request["RoleArn"])
    name = request["ProcessingJobName"]
    document = {member: value for member, value in request.items() if member != "Tags"}
    document.setdefault("StoppingCondition", {"MaxRuntimeInSeconds": _DEFAULT_RUNTIME_SECONDS})
    document |= {"ProcessingJobStatus": "InProgress", "LastModifiedTime": call.plane.now()}
    job_component.check(call, request)
    job = PROCESSING_JOB.insert(call, name, document, request.get("Tags", []))
    job_component.record(call, PROCESSING_JOB, job)
    call.plane.jobs.start(PROCESSING_JOB.kind, name)
    return {"ProcessingJobArn": job["ProcessingJobArn"]}


def _check_inputs(request: Document) -> None:
    inputs = request.get("ProcessingInputs", [])
    require_unique((entry["InputName"] for entry in inputs), "input name")
    for index, entry in enumerate(inputs, 1):
        path = f"processingInputs.{index}.member"
        if "DatasetDefinition" in entry or entry.get("AppManaged"):
            raise ValidationException(f"The embedded cloud covers only S3Input that SageMaker downloads at '{path}'")
        source = require_member(entry, "S3Input", f"{path}.s3Input")
        require_s3_uri(source["S3Uri"], f"{path}.s3Input.s3Uri")
        _check_local_path(source, f"{path}.s3Input.localPath")
        check_processing_input(entry["InputName"], source)


def _check_outputs(request: Document) -> None:
    outputs = request.get("ProcessingOutputConfig", {}).get("Outputs", [])
    require_unique((entry["OutputName"] for entry in outputs), "output name")
    for index, entry in enumerate(outputs, 1):
        path = f"processingOutputConfig.outputs.{index}.member"
        if "FeatureStoreOutput" in entry or entry.get("AppManaged"):
            raise ValidationException(f"The embedded cloud covers only S3Output that SageMaker uploads at '{path}'")
        target = require_member(entry, "S3Output", f"{path}.s3Output")
        require_s3_uri(target["S3Uri"], f"{path}.s3Output.s3Uri")
        _check_local_path(target, f"{path}.s3Output.localPath")


def _check_local_path(place: Document, path: str) -> None:
    value = require_member(place, "LocalPath", path)
    if not f"{value}/".startswith(f"{_LOCAL_ROOT}/") or ".." in value.split("/"):
        raise ValidationException(f"Invalid LocalPath '{value}' at '{path}': it must begin with {_LOCAL_ROOT}/")


OPERATIONS: dict[str, Operation] = {
    "CreateProcessingJob": _create,
    "DescribeProcessingJob": lambda call, request: PROCESSING_JOB.find(call, request["ProcessingJobName"]),
    "ListProcessingJobs": list_operation(PROCESSING_JOB, "ListProcessingJobs"),
    "StopProcessingJob": stop_operation(PROCESSING_JOB, "processing job"),
    "DeleteProcessingJob": delete_operation(PROCESSING_JOB, "processing job"),
}
