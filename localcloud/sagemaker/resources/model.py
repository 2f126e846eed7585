"""Models: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateModel.html"""

from __future__ import annotations

from localcloud.sagemaker.errors import ValidationException
from localcloud.sagemaker.limits import require_one_of, require_s3_uri
from localcloud.sagemaker.resources import model_package
from localcloud.sagemaker.resources.listing import list_operation
from localcloud.sagemaker.resources.resource import Call, Document, Operation, Resource

MODEL = Resource(
    kind="model",
    noun="Model",
    missing=lambda name, arn: ValidationException(f'Could not find model "{arn}".'),
    taken=lambda name, arn: ValidationException(f'Cannot create already existing model "{arn}".'),
    newest_first=True,
)


def _create(call: Call, request: Document) -> Document:
    which = require_one_of(request, ("PrimaryContainer", "Containers"), "CreateModel")
    containers = request[which] if which == "Containers" else [request[which]]
    for index, container in enumerate(containers, 1):
        path = f"containers.{index}.member" if which == "Containers" else "primaryContainer"
        _check_container(call, container, path)
    call.pass_role(request.get("ExecutionRoleArn"))
    document = {member: value for member, value in request.items() if member != "Tags"}
    document.setdefault("EnableNetworkIsolation", False)
    model = MODEL.insert(call, request["ModelName"], document, request.get("Tags", []))
    return {"ModelArn": model["ModelArn"]}


def _check_container(call: Call, container: Document, path: str) -> None:
    if require_one_of(container, ("Image", "ModelPackageName"), path) == "ModelPackageName":
        model_package.find(call, container["ModelPackageName"])
        return
    if "ModelDataUrl" in container and "ModelDataSource" in container:
        raise ValidationException(f"Only one of ModelDataUrl and ModelDataSource may be specified in {path}")
    if "ModelDataUrl" in container:
        require_s3_uri(container["ModelDataUrl"], f"{path}.modelDataUrl")
    if "ModelDataSource" in container:
        source = container["ModelDataSource"].get("S3DataSource", {})
        require_s3_uri(source.get("S3Uri", ""), f"{path}.modelDataSource.s3DataSource.s3Uri")


def _delete(call: Call, request: Document) -> Document:
    MODEL.remove(call, request["ModelName"])
    return {}


OPERATIONS: dict[str, Operation] = {
    "CreateModel": _create,
    "DescribeModel": lambda call, request: MODEL.find(call, request["ModelName"]),
    "ListModels": list_operation(MODEL, "ListModels"),
    "DeleteModel": _delete,
}
