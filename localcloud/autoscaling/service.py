"""What the operations work with, and what their resources have in common."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol

from botocore.model import OperationModel, ServiceModel

from localcloud import clients
from localcloud.autoscaling.errors import InvalidNextTokenException, ObjectNotFoundException
from localcloud.sagemaker.errors import ValidationException
from localcloud.sagemaker.pagination import decode_token, encode_token
from localcloud.sagemaker.store import NotFound, Store

Document = dict[str, Any]

NAMESPACE = "sagemaker"
DIMENSION = "sagemaker:variant:DesiredInstanceCount"
TARGET, POLICY, ACTION, ACTIVITY = "scalable-target", "scaling-policy", "scheduled-action", "scaling-activity"
_DEFAULT_PAGE = 50
_LARGEST_PAGE = 50


class CloudConfig(Protocol):
    """The members of the embedded cloud's configuration that ARNs are made of."""

    region: str
    account: str


class Variants(Protocol):
    """See ``variants.VariantCapacity``."""

    def require(self, resource_id: str, minimum: int) -> None: ...


class Alarms(Protocol):
    """See ``metrics.CloudWatch``."""

    def put(self, alarms: Iterable[Document]) -> None: ...

    def delete(self, names: Iterable[str]) -> None: ...

    def arn(self, name: str) -> str: ...


@dataclass(frozen=True, kw_only=True)
class Service:
    """``role`` gives the ARN of the service-linked role, which it creates for the caller when it is not there yet;
    ``now`` gives epoch seconds."""

    config: CloudConfig
    store: Store
    variants: Variants
    alarms: Alarms
    role: Callable[[Any], str]
    now: Callable[[], float] = lambda: round(time.time(), 3)


Operation = Callable[[Service, Any, Document], Document]
"""Of the service, the caller and the checked request: the answer."""


@cache
def operation_model(operation: str) -> OperationModel | None:
    """The operation as botocore's service model has it, or None."""
    model = _service_model()
    return model.operation_model(operation) if operation in model.operation_names else None


@cache
def _service_model() -> ServiceModel:
    model = clients.loader().load_service_model("application-autoscaling", "service-2")
    return ServiceModel(model, "application-autoscaling")


def check_target(request: Mapping[str, Any]) -> None:
    """Refuse every namespace and dimension but those of a variant's instance count."""
    namespace, dimension = request["ServiceNamespace"], request.get("ScalableDimension", DIMENSION)
    if namespace != NAMESPACE or dimension != DIMENSION:
        raise ValidationException(
            f"Unsupported service namespace, resource type or scalable dimension: the embedded cloud scales "
            f"{NAMESPACE} {DIMENSION}, not {namespace} {dimension}"
        )


def key(request: Mapping[str, Any], *further: str) -> str:
    """The store's name of a scalable target, or of what belongs to it."""
    return "|".join((request["ResourceId"], request["ScalableDimension"], *further))


def target_arn(config: CloudConfig, identifier: str) -> str:
    """The ARN of the scalable target with this identifier."""
    return f"arn:aws:application-autoscaling:{config.region}:{config.account}:scalable-target/{identifier}"


def require_target(service: Service, request: Mapping[str, Any]) -> Document:
    """The registered target of a request. Raises ObjectNotFoundException."""
    check_target(request)
    found = find(service, TARGET, key(request))
    if found is None:
        raise missing("scalable target registered", request)
    return found


def find(service: Service, kind: str, name: str) -> Document | None:
    """The document, or None."""
    try:
        return service.store.get(kind, name)
    except NotFound:
        return None


def missing(what: str, request: Mapping[str, Any], **further: str) -> ObjectNotFoundException:
    """No such ``what``, in AWS's words."""
    named = {
        "service namespace": request["ServiceNamespace"],
        "resource ID": request["ResourceId"],
        "scalable dimension": request["ScalableDimension"],
        **{name.replace("_", " "): value for name, value in further.items()},
    }
    return ObjectNotFoundException(
        f"No {what} found for " + ", ".join(f"{name}: {value}" for name, value in named.items())
    )


def page(documents: Iterable[Document], request: Mapping[str, Any], *, member: str, scope: str) -> Document:
    """One page of a Describe operation."""
    size = request.get("MaxResults", _DEFAULT_PAGE)
    if not 1 <= size <= _LARGEST_PAGE:
        raise ValidationException(f"MaxResults must be between 1 and {_LARGEST_PAGE}, found {size}")
    token_scope = [scope, {name: value for name, value in request.items() if name != "NextToken"}]
    try:
        start = decode_token(request.get("NextToken"), scope=token_scope) or 0
    except ValidationException as error:
        raise InvalidNextTokenException(error.message) from error
    found = list(documents)
    more = {"NextToken": encode_token(start + size, scope=token_scope)} if start + size < len(found) else {}
    return {member: found[start : start + size], **more}


def matches(document: Document, request: Mapping[str, Any]) -> bool:
    """Whether a document is one of those that a Describe request names by resource and dimension."""
    members = [name for name in ("ServiceNamespace", "ResourceId", "ScalableDimension") if name in request]
    return all(document[name] == request[name] for name in members)
