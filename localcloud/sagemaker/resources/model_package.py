"""Model packages, versioned in a group or on their own.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateModelPackage.html. The store's name of a package is
what follows ``model-package/`` in its ARN: ``<group>/<version>`` or ``<name>``.
"""

from __future__ import annotations

from localcloud.sagemaker.errors import ValidationException
from localcloud.sagemaker.limits import require_one_of, require_s3_uri
from localcloud.sagemaker.resources.listing import list_page
from localcloud.sagemaker.resources.model_package_group import MODEL_PACKAGE_GROUP, name_of, next_version
from localcloud.sagemaker.resources.resource import Call, Document, Operation, Resource
from localcloud.sagemaker.store import NotFound, Query

MODEL_PACKAGE = Resource(
    kind="model-package",
    noun="ModelPackage",
    missing=lambda name, arn: ValidationException(f"ModelPackage {arn} does not exist."),
    taken=lambda name, arn: ValidationException(f"ModelPackage already exists: {arn}"),
    status_member="ModelPackageStatus",
)

_REPLACED_BY_UPDATE = (
    "ModelApprovalStatus",
    "ModelPackageRegistrationType",
    "ApprovalDescription",
    "InferenceSpecification",
    "SourceUri",
    "ModelCard",
    "ModelLifeCycle",
)


def find(call: Call, name_or_arn: str) -> Document:
    """The package of a name, a ``<group>/<version>`` or an ARN (shape VersionedArnOrName)."""
    return MODEL_PACKAGE.find(call, _key(name_or_arn))


def _key(name_or_arn: str) -> str:
    return name_or_arn.split(":model-package/", 1)[-1]


def _create(call: Call, request: Document) -> Document:
    which = require_one_of(request, ("ModelPackageName", "ModelPackageGroupName"), "CreateModelPackage")
    _check(request, versioned=which == "ModelPackageGroupName")
    with call.plane.registry_lock:
        group = _group(call, request)
        package = _created_before(call, request, group) or _register(call, request, group)
    return {"ModelPackageArn": package["ModelPackageArn"]}


def _created_before(call: Call, request: Document, group: str | None) -> Document | None:
    """The package that an earlier attempt with the same ClientToken made."""
    if "ClientToken" not in request:
        return None
    query = Query(equals={"_ClientToken": request["ClientToken"]}, parent=group)
    return next(call.store.list(MODEL_PACKAGE.kind, query), None)


def _register(call: Call, request: Document, group: str | None) -> Document:
    document = {member: value for member, value in request.items() if member not in ("Tags", "ClientToken")}
    document |= {
        "ModelPackageStatus": "Completed",
        "ModelPackageStatusDetails": {"ValidationStatuses": [], "ImageScanStatuses": []},
        "_ClientToken": request.get("ClientToken"),
    }
    document.setdefault("CertifyForMarketplace", False)
    if group is None:
        return MODEL_PACKAGE.insert(call, request["ModelPackageName"], document, request.get("Tags", []))
    version = next_version(call, group)
    document |= {"ModelPackageGroupName": group, "ModelPackageVersion": version}
    document.setdefault("ModelApprovalStatus", "PendingManualApproval")
    document.setdefault("ModelPackageRegistrationType", "Registered")
    return MODEL_PACKAGE.insert(call, f"{group}/{version}", document, request.get("Tags", []))


def _group(call: Call, request: Document) -> str | None:
    """The name, as it was created, of the group that the request names; None when it names none."""
    if "ModelPackageGroupName" not in request:
        return None
    return MODEL_PACKAGE_GROUP.find(call, name_of(request["ModelPackageGroupName"]))["ModelPackageGroupName"]


def _check(request: Document, *, versioned: bool) -> None:
    if "InferenceSpecification" in request and "SourceAlgorithmSpecification" in request:
        raise ValidationException("InferenceSpecification and SourceAlgorithmSpecification exclude each other")
    if not versioned:
        require_one_of(request, ("InferenceSpecification", "SourceAlgorithmSpecification"), "CreateModelPackage")
        if "ModelApprovalStatus" in request:
            raise ValidationException("ModelApprovalStatus applies only to model packages that belong to a group")
    _check_containers(request.get("InferenceSpecification"))


def _check_containers(specification: Document | None) -> None:
    for index, container in enumerate((specification or {}).get("Containers", []), 1):
        path = f"inferenceSpecification.containers.{index}.member"
        if not container.get("Image"):
            raise ValidationException(f"Image must be specified in {path}")
        if "ModelDataUrl" in container:
            require_s3_uri(container["ModelDataUrl"], f"{path}.modelDataUrl")


def _list(call: Call, request: Document) -> Document:
    own = ("ModelPackageGroupName", "ModelApprovalStatus", "ModelPackageType")
    group = _group(call, request)
    # The documented default is Unversioned, which a request that names a group cannot mean.
    kind = request.get("ModelPackageType", "Unversioned" if group is None else "Both")
    versioned = {"Versioned": True, "Unversioned": False, "Both": None}[kind]
    equals = {"ModelApprovalStatus": request["ModelApprovalStatus"]} if "ModelApprovalStatus" in request else {}
    return list_page(
        call, MODEL_PACKAGE, "ListModelPackages", request, own, parent=group, has_parent=versioned, equals=equals
    )


def _update(call: Call, request: Document) -> Document:
    _check_containers(request.get("InferenceSpecification"))
    now = call.plane.now()

    def change(package: Document) -> None:
        if "ModelApprovalStatus" in request and "ModelPackageGroupName" not in package:
            raise ValidationException("ModelApprovalStatus applies only to model packages that belong to a group")
        package |= {member: request[member] for member in _REPLACED_BY_UPDATE if member in request}
        _update_metadata(package, request)
        if "AdditionalInferenceSpecificationsToAdd" in request:
            added = request["AdditionalInferenceSpecificationsToAdd"]
            package["AdditionalInferenceSpecifications"] = package.get("AdditionalInferenceSpecifications", []) + added
        package["LastModifiedTime"] = now

    package = MODEL_PACKAGE.update(call, _key(request["ModelPackageArn"]), change)
    return {"ModelPackageArn": package["ModelPackageArn"]}


def _update_metadata(package: Document, request: Document) -> None:
    properties = package.get("CustomerMetadataProperties", {}) | request.get("CustomerMetadataProperties", {})
    removed = request.get("CustomerMetadataPropertiesToRemove", [])
    kept = {key: value for key, value in properties.items() if key not in removed}
    if kept or "CustomerMetadataProperties" in package:
        package["CustomerMetadataProperties"] = kept


def _delete(call: Call, request: Document) -> Document:
    MODEL_PACKAGE.remove(call, _key(request["ModelPackageName"]))
    return {}


def _batch_describe(call: Call, request: Document) -> Document:
    found, errors = {}, {}
    for arn in request["ModelPackageArnList"]:
        try:
            package = call.store.get(MODEL_PACKAGE.kind, _key(arn))
        except NotFound:
            errors[arn] = {"ErrorCode": "ValidationException", "ErrorResponse": f"ModelPackage {arn} does not exist."}
        else:
            found[arn] = {"InferenceSpecification": {"Containers": []}} | package
    return {"ModelPackageSummaries": found, "BatchDescribeModelPackageErrorMap": errors}


OPERATIONS: dict[str, Operation] = {
    "CreateModelPackage": _create,
    "DescribeModelPackage": lambda call, request: find(call, request["ModelPackageName"]),
    "ListModelPackages": _list,
    "UpdateModelPackage": _update,
    "DeleteModelPackage": _delete,
    "BatchDescribeModelPackage": _batch_describe,
}
