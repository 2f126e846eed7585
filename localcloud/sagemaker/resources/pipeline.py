"""Pipelines and their versions: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreatePipeline.html"""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from localcloud.sagemaker.errors import ConflictException, ResourceNotFound, ValidationException
from localcloud.sagemaker.jobs.role import Role, RoleRefused
from localcloud.sagemaker.pagination import page_of
from localcloud.sagemaker.pipelines import definition
from localcloud.sagemaker.pipelines.record import EXECUTION
from localcloud.sagemaker.resources.listing import list_page
from localcloud.sagemaker.resources.resource import Call, Document, Operation, Resource
from localcloud.sagemaker.store import NotFound, Query

PIPELINE = Resource(
    kind="pipeline",
    noun="Pipeline",
    missing=lambda name, arn: ResourceNotFound(f"Pipeline '{arn}' does not exist."),
    taken=lambda name, arn: ValidationException(
        f"Pipeline names must be unique within an AWS account and region. Pipeline with name ({name}) already exists."
    ),
    newest_first=True,
)
VERSION = "pipeline-version"


def name_of(given: str) -> str:
    """The name in a name or an ARN."""
    return given.rpartition(":pipeline/")[2]


def version_name(pipeline: str, number: int) -> str:
    """The store's name of a version."""
    return f"{pipeline.lower()}/{number}"


def version_of(call: Call, pipeline: str, number: int) -> Document:
    """Raises ResourceNotFound."""
    try:
        return call.store.get(VERSION, version_name(pipeline, number))
    except NotFound:
        raise ResourceNotFound(f"Pipeline '{call.plane.arn('pipeline', pipeline)}' has no version {number}.") from None


def identity(call: Call) -> Document:
    """UserContext of the caller."""
    return {"IamIdentity": {"Arn": call.caller.arn, "PrincipalId": call.caller.arn.rpartition("/")[2]}}


def _definition(call: Call, request: Document, role_arn: str) -> str | None:
    """The definition of the request; what lies in S3 is read as the pipeline's role."""
    if ("PipelineDefinition" in request) and ("PipelineDefinitionS3Location" in request):
        raise ValidationException("Only one of PipelineDefinition and PipelineDefinitionS3Location may be given")
    location = request.get("PipelineDefinitionS3Location")
    if location is None:
        return request.get("PipelineDefinition")
    where = {"Bucket": location["Bucket"], "Key": location["ObjectKey"]}
    where |= {member: location[member] for member in ("VersionId",) if member in location}
    try:
        return Role(call.plane.config, role_arn).client("s3").get_object(**where)["Body"].read().decode()
    except (RoleRefused, ClientError, UnicodeDecodeError) as error:
        raise ValidationException(
            f"The pipeline definition at s3://{where['Bucket']}/{where['Key']} cannot be read: {error}"
        ) from error


def _create(call: Call, request: Document) -> Document:
    call.pass_role(request["RoleArn"])
    text = _definition(call, request, request["RoleArn"])
    if text is None:
        raise ValidationException("Either PipelineDefinition or PipelineDefinitionS3Location must be given")
    definition.parse(text)
    name, now = request["PipelineName"], call.plane.now()
    kept = ("PipelineName", "PipelineDisplayName", "PipelineDescription", "RoleArn", "ParallelismConfiguration")
    document = {member: request[member] for member in kept if member in request}
    document |= {"PipelineStatus": "Active", "LastModifiedTime": now, "_LatestVersion": 1}
    document |= {"CreatedBy": identity(call), "LastModifiedBy": identity(call), "_Token": request["ClientRequestToken"]}
    document.setdefault("PipelineDisplayName", name)
    with call.plane.registry_lock:
        before = _same_request(call, name, request["ClientRequestToken"])
        if before is None:
            before = PIPELINE.insert(call, name, document, request.get("Tags", []))
            _store_version(call, name, before["PipelineArn"], 1, text)
    return {"PipelineArn": before["PipelineArn"]}


def _same_request(call: Call, name: str, token: str) -> Document | None:
    """What an earlier request with the same token made: CreatePipeline is idempotent."""
    try:
        found = call.store.get(PIPELINE.kind, name)
    except NotFound:
        return None
    return found if found["_Token"] == token else None


def _store_version(call: Call, name: str, arn: str, number: int, text: str) -> None:
    document = {"PipelineArn": arn, "PipelineVersionId": number, "PipelineDefinition": text, "_Pipeline": name.lower()}
    call.store.create(VERSION, version_name(name, number), document | {"CreationTime": call.plane.now()})


def _update(call: Call, request: Document) -> Document:
    pipeline = PIPELINE.find(call, request["PipelineName"])
    call.pass_role(request.get("RoleArn"))
    text = _definition(call, request, request.get("RoleArn", pipeline["RoleArn"]))
    if text is not None:
        definition.parse(text)
    kept = ("PipelineDisplayName", "PipelineDescription", "RoleArn", "ParallelismConfiguration")

    def change(document: Document) -> None:
        document.update({member: request[member] for member in kept if member in request})
        document |= {"LastModifiedTime": call.plane.now(), "LastModifiedBy": identity(call)}
        document["_LatestVersion"] += 0 if text is None else 1

    with call.plane.registry_lock:
        if text is not None:
            latest = PIPELINE.find(call, request["PipelineName"])["_LatestVersion"]
            _store_version(call, pipeline["PipelineName"], pipeline["PipelineArn"], latest + 1, text)
        updated = PIPELINE.update(call, request["PipelineName"], change)
    return {"PipelineArn": updated["PipelineArn"], "PipelineVersionId": updated["_LatestVersion"]}


def _describe(call: Call, request: Document) -> Document:
    pipeline = PIPELINE.find(call, name_of(request["PipelineName"]))
    number = request.get("PipelineVersionId", pipeline["_LatestVersion"])
    return pipeline | version_of(call, pipeline["PipelineName"], number) | {"CreationTime": pipeline["CreationTime"]}


def _delete(call: Call, request: Document) -> Document:
    """ "Deletes a pipeline if there are no running instances of the pipeline", and its executions with it."""
    with call.plane.registry_lock:
        pipeline = PIPELINE.find(call, request["PipelineName"])
        own = Query(parent=pipeline["PipelineName"].lower())
        executions = list(call.store.list(EXECUTION, own))
        running = [one for one in executions if one["PipelineExecutionStatus"] in ("Executing", "Stopping")]
        if running:
            raise ConflictException(
                f"Pipeline '{pipeline['PipelineArn']}' has the running execution "
                f"{running[0]['PipelineExecutionArn']}; stop it first"
            )
        for execution in executions:
            call.store.delete(EXECUTION, execution["_Name"])
        for version in list(call.store.list(VERSION, own)):
            call.store.delete(VERSION, version_name(pipeline["PipelineName"], version["PipelineVersionId"]))
        PIPELINE.remove(call, pipeline["PipelineName"])
    return {"PipelineArn": pipeline["PipelineArn"]}


def _list(call: Call, request: Document) -> Document:
    narrowed: dict[str, Any] = {"name_prefix": request.get("PipelineNamePrefix")}
    answer = list_page(call, PIPELINE, "ListPipelines", request, ("PipelineNamePrefix",), **narrowed)
    for pipeline in answer["PipelineSummaries"]:
        if "LastRunTime" in pipeline:
            pipeline["LastExecutionTime"] = pipeline["LastRunTime"]
    return answer


def _list_versions(call: Call, request: Document) -> Document:
    pipeline = PIPELINE.find(call, name_of(request["PipelineName"]))
    found = list(call.store.list(VERSION, Query(parent=pipeline["PipelineName"].lower())))
    after, before = request.get("CreatedAfter", -1.0), request.get("CreatedBefore", float("inf"))
    found = [version for version in found if after < version["CreationTime"] < before]
    descending = request.get("SortOrder", "Descending") == "Descending"
    found.sort(key=lambda version: version["PipelineVersionId"], reverse=descending)
    return page_of("PipelineVersionSummaries", found, request, operation="ListPipelineVersions")


def _update_version(call: Call, request: Document) -> Document:
    pipeline = PIPELINE.find(call, name_of(request["PipelineArn"]))
    number = request["PipelineVersionId"]
    version_of(call, pipeline["PipelineName"], number)
    given = {member: value for member, value in request.items() if member.startswith("PipelineVersionD")}
    call.store.update(VERSION, version_name(pipeline["PipelineName"], number), lambda version: version.update(given))
    return {"PipelineArn": pipeline["PipelineArn"], "PipelineVersionId": number}


OPERATIONS: dict[str, Operation] = {
    "CreatePipeline": _create,
    "UpdatePipeline": _update,
    "DescribePipeline": _describe,
    "DeletePipeline": _delete,
    "ListPipelines": _list,
    "ListPipelineVersions": _list_versions,
    "UpdatePipelineVersion": _update_version,
}
