"""Pipeline executions: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_StartPipelineExecution.html"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from localcloud.sagemaker.errors import ConflictException, ResourceNotFound, ValidationException
from localcloud.sagemaker.pagination import page_of
from localcloud.sagemaker.pipelines import parameters
from localcloud.sagemaker.pipelines.definition import Plan, parse
from localcloud.sagemaker.pipelines.record import CALLBACK_TOKEN, EXECUTION, identifier
from localcloud.sagemaker.resources.listing import list_page
from localcloud.sagemaker.resources.pipeline import PIPELINE, VERSION, identity, name_of, version_name, version_of
from localcloud.sagemaker.resources.resource import Call, Document, Operation, Resource
from localcloud.sagemaker.store import AlreadyExists, NotFound

_EXECUTION = Resource(
    kind=EXECUTION,
    noun="PipelineExecution",
    missing=lambda name, arn: ResourceNotFound(f"Pipeline execution '{name}' does not exist."),
    taken=lambda name, arn: ConflictException(f"Pipeline execution '{name}' exists already."),
    newest_first=True,
)
_NAMING = ("PipelineExecutionDisplayName", "PipelineExecutionDescription", "ParallelismConfiguration")


def _find(call: Call, arn: str) -> Document:
    return _EXECUTION.find(call, name_of(arn))


def _start(call: Call, request: Document) -> Document:
    if "MlflowExperimentName" in request:
        raise ValidationException("The embedded cloud does not cover MlflowExperimentName")
    with call.plane.registry_lock:  # the pipeline may not be deleted in between
        pipeline = PIPELINE.find(call, name_of(request["PipelineName"]))
        document = _document(call, pipeline, request)
        try:
            call.store.create(EXECUTION, document["_Name"], document)
        except AlreadyExists:  # the same token again: StartPipelineExecution is idempotent
            return {"PipelineExecutionArn": document["PipelineExecutionArn"]}
        now = document["CreationTime"]
        PIPELINE.update(call, pipeline["PipelineName"], lambda found: found.update(LastRunTime=now))
    call.plane.jobs.start(EXECUTION, document["_Name"])
    return {"PipelineExecutionArn": document["PipelineExecutionArn"]}


def _document(call: Call, pipeline: Document, request: Document) -> Document:
    name, now = pipeline["PipelineName"], call.plane.now()
    number = request.get("PipelineVersionId", pipeline["_LatestVersion"])
    plan = parse(version_of(call, name, number)["PipelineDefinition"])
    run = identifier(12, pipeline["PipelineArn"], pipeline["CreationTime"], request["ClientRequestToken"])
    document = {member: request[member] for member in _NAMING if member in request}
    if "ParallelismConfiguration" in pipeline:
        document.setdefault("ParallelismConfiguration", pipeline["ParallelismConfiguration"])
    document.setdefault("PipelineExecutionDisplayName", f"execution-{round(now * 1000)}")
    document |= {
        "PipelineArn": pipeline["PipelineArn"],
        "PipelineExecutionArn": f"{pipeline['PipelineArn']}/execution/{run}",
        "PipelineExecutionStatus": "Executing",
        "PipelineVersionId": number,
        "CreationTime": now,
        "LastModifiedTime": now,
        "CreatedBy": identity(call),
        "LastModifiedBy": identity(call),
        "_Name": f"{name.lower()}/execution/{run}",
        "_Pipeline": name.lower(),
        "_PipelineName": name,
        "_Version": version_name(name, number),
        "_RoleArn": pipeline["RoleArn"],
        "_Parameters": parameters.values(plan.parameters, request.get("PipelineParameters", [])),
        "_Steps": {},
        "_Attempts": {},
    }
    return document | _selection(call, plan, document, request.get("SelectiveExecutionConfig"))


def _selection(call: Call, plan: Plan, document: Document, config: Document | None) -> Document:
    """Selective execution: what the selected steps need of others is taken from another execution."""
    if config is None:
        return {}
    selected = [entry["StepName"] for entry in config["SelectedSteps"]]
    if unknown := sorted(set(selected) - plan.steps.keys()):
        raise ValidationException(f"SelectiveExecutionConfig: the pipeline has no step {unknown[0]!r}")
    source_arn = config.get("SourcePipelineExecutionArn")
    source = _find(call, source_arn) if source_arn else {"_Steps": {}, "_Pipeline": document["_Pipeline"]}
    if source["_Pipeline"] != document["_Pipeline"]:
        raise ValidationException(f"SelectiveExecutionConfig: {source_arn} is an execution of another pipeline")
    reused = {}
    for name in selected:
        step = plan.steps[name]
        for needed in {*step.needs, *([step.branch[0]] if step.branch else [])} - set(selected):
            record = source["_Steps"].get(needed, {})
            if record.get("StepStatus") != "Succeeded":
                raise ValidationException(
                    f"SelectiveExecutionConfig: step {name} needs {needed}, which has not succeeded in {source_arn}"
                )
            reused[needed] = record | {"SelectiveExecutionResult": {"SourcePipelineExecutionArn": source_arn}}
    return {"SelectiveExecutionConfig": config, "_Selected": selected, "_Steps": reused}


def _stop(call: Call, request: Document) -> Document:
    def change(execution: Document) -> None:
        status = execution["PipelineExecutionStatus"]
        if status not in ("Executing", "Stopping"):
            raise ConflictException(
                f"Pipeline execution with ARN {request['PipelineExecutionArn']} has the status {status}. "
                "Only executions with the status Executing can be stopped."
            )
        execution |= {"PipelineExecutionStatus": "Stopping", "LastModifiedTime": call.plane.now()}

    return _changed(call, request, change, call.plane.jobs.stop)


def _retry(call: Call, request: Document) -> Document:
    """The same execution goes on from the steps that failed or were stopped."""

    def change(execution: Document) -> None:
        status = execution["PipelineExecutionStatus"]
        if status not in ("Failed", "Stopped"):
            raise ConflictException(
                f"Pipeline execution with ARN {request['PipelineExecutionArn']} has the status {status}. "
                "Only executions with the status Failed or Stopped can be retried."
            )
        for name, record in list(execution["_Steps"].items()):
            if record["StepStatus"] != "Succeeded":
                execution["_Attempts"][name] = record["AttemptCount"]
                del execution["_Steps"][name]
        execution.pop("FailureReason", None)
        execution |= {"PipelineExecutionStatus": "Executing", "LastModifiedTime": call.plane.now()}
        execution.update({member: request[member] for member in ("ParallelismConfiguration",) if member in request})

    return _changed(call, request, change, call.plane.jobs.start)


def _update(call: Call, request: Document) -> Document:
    def change(execution: Document) -> None:
        execution.update({member: request[member] for member in _NAMING if member in request})
        execution |= {"LastModifiedTime": call.plane.now(), "LastModifiedBy": identity(call)}

    return _changed(call, request, change, lambda kind, name: None)


def _changed(
    call: Call, request: Document, change: Callable[[Document], None], then: Callable[[str, str], None]
) -> Document:
    execution = _EXECUTION.update(call, name_of(request["PipelineExecutionArn"]), change)
    then(EXECUTION, execution["_Name"])
    return {"PipelineExecutionArn": execution["PipelineExecutionArn"]}


def _describe_definition(call: Call, request: Document) -> Document:
    execution = _find(call, request["PipelineExecutionArn"])
    return call.store.get(VERSION, execution["_Version"]) | {"CreationTime": execution["CreationTime"]}


def _list(call: Call, request: Document) -> Document:
    pipeline = PIPELINE.find(call, name_of(request["PipelineName"]))
    parent = pipeline["PipelineName"].lower()
    answer = list_page(call, _EXECUTION, "ListPipelineExecutions", request, ("PipelineName",), parent=parent)
    for execution in answer["PipelineExecutionSummaries"]:
        execution["StartTime"] = execution["CreationTime"]
        if "FailureReason" in execution:
            execution["PipelineExecutionFailureReason"] = execution["FailureReason"]
    return answer


def _list_steps(call: Call, request: Document) -> Document:
    if "PipelineExecutionArn" not in request:
        raise ValidationException("PipelineExecutionArn must be given")
    steps = list(_find(call, request["PipelineExecutionArn"])["_Steps"].values())
    steps.sort(key=lambda record: record["StartTime"])
    if request.get("SortOrder", "Descending") == "Descending":
        steps.reverse()
    return page_of("PipelineExecutionSteps", steps, request, operation="ListPipelineExecutionSteps")


def _list_parameters(call: Call, request: Document) -> Document:
    listed = parameters.listed(_find(call, request["PipelineExecutionArn"])["_Parameters"])
    return page_of("PipelineParameters", listed, request, operation="ListPipelineParametersForExecution")


def _send(call: Call, request: Document, answer: Document) -> Document:
    """The answer to a callback step."""
    try:
        token = call.store.get(CALLBACK_TOKEN, request["CallbackToken"])
    except NotFound:
        raise ResourceNotFound(f"No step waits for the callback token {request['CallbackToken']}.") from None

    def change(execution: Document) -> None:
        record = execution["_Steps"].get(token["Step"], {})
        if record.get("StepStatus") not in ("Starting", "Executing", "Stopping") or "_Answer" in record:
            raise ConflictException(f"The step {token['Step']} does not wait for a callback any more")
        record["_Answer"] = answer

    execution = _EXECUTION.update(call, token["Execution"], change)
    call.plane.jobs.start(EXECUTION, execution["_Name"])
    return {"PipelineExecutionArn": execution["PipelineExecutionArn"]}


def _success(call: Call, request: Document) -> Document:
    return _send(call, request, {"OutputParameters": request.get("OutputParameters", [])})


def _failure(call: Call, request: Document) -> Document:
    return _send(call, request, {"FailureReason": request.get("FailureReason", "the callback reported a failure")})


def _describe(call: Call, request: Document) -> dict[str, Any]:
    return _find(call, request["PipelineExecutionArn"])


OPERATIONS: dict[str, Operation] = {
    "StartPipelineExecution": _start,
    "StopPipelineExecution": _stop,
    "RetryPipelineExecution": _retry,
    "UpdatePipelineExecution": _update,
    "DescribePipelineExecution": _describe,
    "DescribePipelineDefinitionForExecution": _describe_definition,
    "ListPipelineExecutions": _list,
    "ListPipelineExecutionSteps": _list_steps,
    "ListPipelineParametersForExecution": _list_parameters,
    "SendPipelineExecutionStepSuccess": _success,
    "SendPipelineExecutionStepFailure": _failure,
}
