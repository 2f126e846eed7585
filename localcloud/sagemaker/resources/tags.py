"""Tags of any resource: AddTags, ListTags, DeleteTags, and the Tags member of Create*.

They live in the resource's document as ``_Tags``, so that they appear and disappear with it in one transaction.
Limits: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_AddTags.html and the general tag restrictions
(50 tags a resource, keys unique, the prefix ``aws:`` reserved).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from localcloud.sagemaker.errors import ValidationException
from localcloud.sagemaker.limits import require_unique
from localcloud.sagemaker.pagination import Page, decode_token, encode_token
from localcloud.sagemaker.store import NotFound

if TYPE_CHECKING:
    from localcloud.sagemaker.resources.resource import Call, Document, Operation

Tags = list[dict[str, str]]

_LIMIT = 50
_DEFAULT_PAGE = 50
_TAGGABLE = (
    "training-job",
    "processing-job",
    "hyper-parameter-tuning-job",
    "transform-job",
    "model",
    "endpoint-config",
    "endpoint",
    "model-package-group",
    "model-package",
    "pipeline",
    "experiment",
    "experiment-trial",
    "experiment-trial-component",
    "artifact",
    "action",
    "context",
)


def tags_of(document: Document) -> Tags:
    """The tags of a resource, in the order they were added."""
    return document.get("_Tags", [])


def check_tags(tags: Tags) -> None:
    """Refuse repeated keys and the reserved prefix."""
    require_unique((tag["Key"] for tag in tags), "tag key")
    for tag in tags:
        if tag["Key"].lower().startswith("aws:"):
            raise ValidationException(f"Tag key '{tag['Key']}' is not allowed: the prefix aws: is reserved")


def _locate(call: Call, arn: str) -> tuple[str, str]:
    """The store's kind and name of a resource of this account and region."""
    config = call.plane.config
    prefix = f"arn:aws:sagemaker:{config.region}:{config.account}:"
    kind, _, name = arn.removeprefix(prefix).partition("/")
    if not arn.startswith(prefix) or kind not in _TAGGABLE:
        raise ValidationException(f"Invalid resource ARN '{arn}': expected {prefix}<{'|'.join(_TAGGABLE)}>/<name>")
    return kind, name


def _change(call: Call, arn: str, change: Callable[[Tags], Tags]) -> Tags:
    kind, name = _locate(call, arn)

    def apply(document: Document) -> None:
        document["_Tags"] = change(tags_of(document))

    try:
        return tags_of(call.store.update(kind, name, apply))
    except NotFound:
        raise ValidationException(f"Could not find resource '{arn}'") from None


def _add(call: Call, request: dict[str, Any]) -> Document:
    check_tags(request["Tags"])

    def merge(tags: Tags) -> Tags:
        merged = {tag["Key"]: tag["Value"] for tag in [*tags, *request["Tags"]]}
        if len(merged) > _LIMIT:
            raise ValidationException(
                f"The resource {request['ResourceArn']} would have {len(merged)} tags; at most {_LIMIT} are allowed"
            )
        return [{"Key": key, "Value": value} for key, value in merged.items()]

    return {"Tags": _change(call, request["ResourceArn"], merge)}


def _list(call: Call, request: dict[str, Any]) -> Document:
    arn = request["ResourceArn"]
    kind, name = _locate(call, arn)
    try:
        tags = tags_of(call.store.get(kind, name))
    except NotFound:
        raise ValidationException(f"Could not find resource '{arn}'") from None
    start = decode_token(request.get("NextToken"), scope=["ListTags", arn]) or 0
    end = start + request.get("MaxResults", _DEFAULT_PAGE)
    token = encode_token(end, scope=["ListTags", arn]) if end < len(tags) else None
    return Page(member="Tags", items=tags[start:end], next_token=token).answer()


def _delete(call: Call, request: dict[str, Any]) -> Document:
    _change(call, request["ResourceArn"], lambda tags: [tag for tag in tags if tag["Key"] not in request["TagKeys"]])
    return {}


OPERATIONS: dict[str, Operation] = {"AddTags": _add, "ListTags": _list, "DeleteTags": _delete}
