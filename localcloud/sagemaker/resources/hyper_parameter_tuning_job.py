"""Tuning jobs: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateHyperParameterTuningJob.html"""

from __future__ import annotations

import secrets

from localcloud.sagemaker.errors import ResourceInUse, ResourceNotFound
from localcloud.sagemaker.pagination import Page, decode_token, encode_token
from localcloud.sagemaker.resources import training_job
from localcloud.sagemaker.resources.job import delete_operation, stop_operation
from localcloud.sagemaker.resources.listing import list_page
from localcloud.sagemaker.resources.resource import Call, Document, Operation, Resource
from localcloud.sagemaker.tuning import checks, warm_start_checks
from localcloud.sagemaker.tuning.definition import read_definitions
from localcloud.sagemaker.tuning.request import OBJECTIVE_HYPERPARAMETER, training_request
from localcloud.sagemaker.tuning.trial import counters, find_trials

TUNING_JOB = Resource(
    kind="hyper-parameter-tuning-job",
    noun="HyperParameterTuningJob",
    status_member="HyperParameterTuningJobStatus",
    missing=lambda name, arn: ResourceNotFound(f"Amazon SageMaker can't find a tuning job with the name {name}"),
    taken=lambda name, arn: ResourceInUse(
        "Hyperparameter tuning job names must be unique within an AWS account and region, "
        f"and a tuning job with this name already exists ({arn})"
    ),
)
_LABEL = "hyperparameter tuning job"
_DEFAULT_PAGE = 10
_SORT_KEYS = {
    "Name": lambda trial: trial["TrainingJobName"],
    "CreationTime": lambda trial: trial["CreationTime"],
    "Status": lambda trial: trial["TrainingJobStatus"],
    "FinalObjectiveMetricValue": lambda trial: trial["FinalHyperParameterTuningJobObjectiveMetric"]["Value"],
}


def _create(call: Call, request: Document) -> Document:
    for definition in checks.check(request):
        sample = training_request(definition.body, name="sample", values={})
        training_job.check(sample)
        call.pass_role(definition.body["RoleArn"])
    warm_start_checks.check(call.store, request)
    name = request["HyperParameterTuningJobName"]
    job = TUNING_JOB.insert(call, name, _document(request, call.plane.now()), request.get("Tags", []))
    call.plane.jobs.start(TUNING_JOB.kind, name)
    return {"HyperParameterTuningJobArn": job["HyperParameterTuningJobArn"]}


def _document(request: Document, now: float) -> Document:
    document = {member: value for member, value in request.items() if member != "Tags"}
    for definition in read_definitions(document):
        static = definition.body.get("StaticHyperParameters", {})
        definition.body["StaticHyperParameters"] = static | {OBJECTIVE_HYPERPARAMETER: definition.metric}
    config = request["HyperParameterTuningJobConfig"]
    document |= counters([]) | {"HyperParameterTuningJobStatus": "InProgress", "LastModifiedTime": now}
    # Listings show these two by themselves.
    document |= {"Strategy": config["Strategy"], "ResourceLimits": config["ResourceLimits"]}
    return document | {"_Trials": [], "_Seed": config.get("RandomSeed", secrets.randbelow(2**31))}


def _list(call: Call, request: Document) -> Document:
    return list_page(call, TUNING_JOB, "ListHyperParameterTuningJobs", {"SortBy": "Name"} | request)


def _list_training_jobs(call: Call, request: Document) -> Document:
    tuning_job = TUNING_JOB.find(call, request["HyperParameterTuningJobName"])
    key = request.get("SortBy", "Name")
    summaries = [trial.summary() for trial in find_trials(call.store, tuning_job, read_definitions(tuning_job))]
    if key == "FinalObjectiveMetricValue":
        # Training jobs without an objective metric are not listed then (API reference).
        summaries = [summary for summary in summaries if "FinalHyperParameterTuningJobObjectiveMetric" in summary]
    if "StatusEquals" in request:
        summaries = [summary for summary in summaries if summary["TrainingJobStatus"] == request["StatusEquals"]]
    summaries.sort(key=_SORT_KEYS[key], reverse=request.get("SortOrder") == "Descending")
    scope = ["ListTrainingJobsForHyperParameterTuningJob", {**request, "NextToken": None, "MaxResults": None}]
    start = decode_token(request.get("NextToken"), scope=scope) or 0
    end = start + request.get("MaxResults", _DEFAULT_PAGE)
    token = encode_token(end, scope=scope) if end < len(summaries) else None
    return Page(member="TrainingJobSummaries", items=summaries[start:end], next_token=token).answer()


OPERATIONS: dict[str, Operation] = {
    "CreateHyperParameterTuningJob": _create,
    "DescribeHyperParameterTuningJob": lambda call, request: TUNING_JOB.find(
        call, request["HyperParameterTuningJobName"]
    ),
    "ListHyperParameterTuningJobs": _list,
    "ListTrainingJobsForHyperParameterTuningJob": _list_training_jobs,
    "StopHyperParameterTuningJob": stop_operation(TUNING_JOB, _LABEL),
    "DeleteHyperParameterTuningJob": delete_operation(TUNING_JOB, _LABEL),
}
