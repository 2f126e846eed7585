"""Model package groups and their resource policies.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateModelPackageGroup.html
"""

from __future__ import annotations

import json

from localcloud.sagemaker.errors import ConflictException, ValidationException
from localcloud.sagemaker.resources.listing import list_page
from localcloud.sagemaker.resources.resource import Call, Document, Operation, Resource
from localcloud.sagemaker.store import Query

MODEL_PACKAGE_GROUP = Resource(
    kind="model-package-group",
    noun="ModelPackageGroup",
    missing=lambda name, arn: ValidationException(f"ModelPackageGroup {arn} does not exist."),
    taken=lambda name, arn: ValidationException(f"Model Package Group already exists: {arn}"),
    status_member="ModelPackageGroupStatus",
)

_PACKAGE_KIND = "model-package"


def name_of(name_or_arn: str) -> str:
    """The group's name out of a name or an ARN (shape ArnOrName)."""
    return name_or_arn.rsplit("/", 1)[-1]


def _create(call: Call, request: Document) -> Document:
    document = {member: value for member, value in request.items() if member != "Tags"}
    document |= {"ModelPackageGroupStatus": "Completed", "_LastVersion": 0, "CreatedBy": {}}
    name = request["ModelPackageGroupName"]
    group = MODEL_PACKAGE_GROUP.insert(call, name, document, request.get("Tags", []))
    return {"ModelPackageGroupArn": group["ModelPackageGroupArn"]}


def next_version(call: Call, name: str) -> int:
    """Claim the version after the highest that the group ever had: deleted versions are not given again."""

    def claim(group: Document) -> None:
        group["_LastVersion"] += 1

    return MODEL_PACKAGE_GROUP.update(call, name, claim)["_LastVersion"]


def _list(call: Call, request: Document) -> Document:
    if request.get("CrossAccountFilterOption") == "CrossAccount":
        return {"ModelPackageGroupSummaryList": []}  # there is one account
    own = ("CrossAccountFilterOption",)
    return list_page(call, MODEL_PACKAGE_GROUP, "ListModelPackageGroups", request, own)


def _delete(call: Call, request: Document) -> Document:
    name = name_of(request["ModelPackageGroupName"])
    with call.plane.registry_lock:  # no package may be registered between the check and the deletion
        group = MODEL_PACKAGE_GROUP.find(call, name)
        if any(call.store.list(_PACKAGE_KIND, Query(parent=group["ModelPackageGroupName"]))):
            raise ConflictException(
                f"Model Package Group {group['ModelPackageGroupArn']} cannot be deleted: it contains model packages"
            )
        MODEL_PACKAGE_GROUP.remove(call, name)
    return {}


def _put_policy(call: Call, request: Document) -> Document:
    try:
        json.loads(request["ResourcePolicy"])
    except ValueError as error:
        raise ValidationException(f"ResourcePolicy is not valid JSON: {error}") from error

    def change(group: Document) -> None:
        group["_ResourcePolicy"] = request["ResourcePolicy"]

    return MODEL_PACKAGE_GROUP.update(call, request["ModelPackageGroupName"], change)


def _get_policy(call: Call, request: Document) -> Document:
    group = MODEL_PACKAGE_GROUP.find(call, request["ModelPackageGroupName"])
    if "_ResourcePolicy" not in group:
        raise ValidationException(f"Cannot find resource policy for: {group['ModelPackageGroupArn']}")
    return {"ResourcePolicy": group["_ResourcePolicy"]}


def _delete_policy(call: Call, request: Document) -> Document:
    MODEL_PACKAGE_GROUP.update(call, request["ModelPackageGroupName"], lambda group: group.pop("_ResourcePolicy", None))
    return {}


def _describe(call: Call, request: Document) -> Document:
    return MODEL_PACKAGE_GROUP.find(call, name_of(request["ModelPackageGroupName"]))


OPERATIONS: dict[str, Operation] = {
    "CreateModelPackageGroup": _create,
    "DescribeModelPackageGroup": _describe,
    "ListModelPackageGroups": _list,
    "DeleteModelPackageGroup": _delete,
    "PutModelPackageGroupPolicy": _put_policy,
    "GetModelPackageGroupPolicy": _get_policy,
    "DeleteModelPackageGroupPolicy": _delete_policy,
}
