"""Transform jobs: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTransformJob.html"""

from __future__ import annotations

from localcloud.sagemaker.endpoints.models import ModelUnusable, VariantSpec, resolve_variants
from localcloud.sagemaker.errors import ResourceInUse, ValidationException
from localcloud.sagemaker.limits import require_s3_uri
from localcloud.sagemaker.resources import job_component
from localcloud.sagemaker.resources.job import stop_operation
from localcloud.sagemaker.resources.listing import list_operation
from localcloud.sagemaker.resources.model import MODEL
from localcloud.sagemaker.resources.resource import Call, Document, Operation, Resource
from localcloud.sagemaker.transform.formats import format_of
from localcloud.sagemaker.transform.jsonpath import JsonPath, PathSyntaxError

TRANSFORM_JOB = Resource(
    kind="transform-job",
    noun="TransformJob",
    status_member="TransformJobStatus",
    missing=lambda name, arn: ValidationException(f"Could not find requested job with name: {name}"),
    taken=lambda name, arn: ResourceInUse(
        f"Job name must be unique within an AWS account and region, and a job with this name already exists ({arn})"
    ),
    newest_first=True,
)

_MAX_PAYLOAD_MB = 100


def _create(call: Call, request: Document) -> Document:
    """``_Model`` keeps what the model was when the job was created: it may be deleted while the job runs."""
    _check_places(request)
    _check_payload(request)
    _check_processing(request)
    model = _resolve_model(call, request)
    name = request["TransformJobName"]
    document = {member: value for member, value in request.items() if member != "Tags"}
    document |= {
        "TransformJobStatus": "InProgress",
        "LastModifiedTime": call.plane.now(),
        "_Model": model.document(),
    }
    job_component.check(call, request)
    job = TRANSFORM_JOB.insert(call, name, document, request.get("Tags", []))
    job_component.record(call, TRANSFORM_JOB, job)
    call.plane.jobs.start(TRANSFORM_JOB.kind, name)
    return {"TransformJobArn": job["TransformJobArn"]}


def _resolve_model(call: Call, request: Document) -> VariantSpec:
    name = request["ModelName"]
    model = MODEL.find(call, name)
    if "ExecutionRoleArn" not in model:
        raise ValidationException(f'Model "{model["ModelArn"]}" has no ExecutionRoleArn, which a transform job needs')
    variant = {
        "VariantName": request["TransformJobName"],
        "ModelName": name,
        "InitialInstanceCount": request["TransformResources"]["InstanceCount"],
    }
    try:
        spec = resolve_variants(call.store, {"ProductionVariants": [variant]})[0]
    except ModelUnusable as error:
        raise ValidationException(str(error)) from error
    if spec.multi_model:
        raise ValidationException(
            f'Model "{model["ModelArn"]}" has a multi-model container, which no transform job takes'
        )
    return spec


def _check_places(request: Document) -> None:
    source = request["TransformInput"]["DataSource"]["S3DataSource"]
    if source["S3DataType"] not in ("S3Prefix", "ManifestFile"):
        raise ValidationException(
            f"S3DataType {source['S3DataType']} is not supported for transform jobs; use S3Prefix or ManifestFile"
        )
    require_s3_uri(source["S3Uri"], "transformInput.dataSource.s3DataSource.s3Uri")
    require_s3_uri(request["TransformOutput"]["S3OutputPath"], "transformOutput.s3OutputPath")
    if "DataCaptureConfig" in request:
        require_s3_uri(request["DataCaptureConfig"]["DestinationS3Uri"], "dataCaptureConfig.destinationS3Uri")


def _check_payload(request: Document) -> None:
    size, requests = request.get("MaxPayloadInMB", 0), request.get("MaxConcurrentTransforms", 0)
    if size > _MAX_PAYLOAD_MB:
        raise ValidationException(f"MaxPayloadInMB {size} cannot be greater than {_MAX_PAYLOAD_MB}")
    if size * requests > _MAX_PAYLOAD_MB:
        raise ValidationException(
            f"MaxConcurrentTransforms {requests} * MaxPayloadInMB {size} cannot be greater than {_MAX_PAYLOAD_MB}"
        )


def _check_processing(request: Document) -> None:
    processing = request.get("DataProcessing", {})
    filters = {name: processing.get(name) or "$" for name in ("InputFilter", "OutputFilter")}
    for name, text in filters.items():
        try:
            JsonPath.parse(text)
        except PathSyntaxError as error:
            raise ValidationException(f"Invalid JSONPath for {name}: {error}") from error
    joined = processing.get("JoinSource", "None") == "Input"
    labelled = request.get("DataCaptureConfig", {}).get("GenerateInferenceId", False)
    split, assembled = (
        request["TransformInput"].get("SplitType", "None"),
        request["TransformOutput"].get("AssembleWith"),
    )
    if joined or filters["InputFilter"] != "$":
        _require_format(request["TransformInput"].get("ContentType", ""), split, "TransformInput.ContentType")
    if joined or labelled or filters["OutputFilter"] != "$":
        accept = request["TransformOutput"].get("Accept") or request["TransformInput"].get("ContentType", "")
        _require_format(accept, split, "TransformOutput.Accept")
    if joined:
        _check_join(request, split, assembled or "None")


def _require_format(content_type: str, split: str, member: str) -> None:
    if split in ("RecordIO", "TFRecord"):
        raise ValidationException(f"DataProcessing does not support SplitType {split}; use None or Line")
    if format_of(content_type, split) is None:
        raise ValidationException(
            f"DataProcessing does not support {member} '{content_type}'; use text/csv, application/json or"
            " application/jsonlines"
        )


def _check_join(request: Document, split: str, assembled: str) -> None:
    content_type = request["TransformInput"]["ContentType"]
    accept = request["TransformOutput"].get("Accept") or content_type
    if type(format_of(content_type, split)) is not type(format_of(accept, split)):
        raise ValidationException(
            f"JoinSource Input needs the same format of input and output; ContentType is '{content_type}' and Accept is"
            f" '{accept}'"
        )
    if split != assembled:
        raise ValidationException(
            f"JoinSource Input needs the same SplitType and AssembleWith; they are {split} and {assembled}"
        )


OPERATIONS: dict[str, Operation] = {
    "CreateTransformJob": _create,
    "DescribeTransformJob": lambda call, request: TRANSFORM_JOB.find(call, request["TransformJobName"]),
    "ListTransformJobs": list_operation(TRANSFORM_JOB, "ListTransformJobs"),
    "StopTransformJob": stop_operation(TRANSFORM_JOB, "transform job"),
}
