"""Lineage: directed associations between its entities ("this was derived from that").

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_AddAssociation.html
"""

from __future__ import annotations

from localcloud.sagemaker.errors import ResourceNotFound, ValidationException
from localcloud.sagemaker.pagination import Page, decode_token, encode_token
from localcloud.sagemaker.resources import lineage
from localcloud.sagemaker.resources.experiment import COMPONENT, EXPERIMENT
from localcloud.sagemaker.resources.resource import Call, Document, Operation
from localcloud.sagemaker.store import AlreadyExists, NotFound

_KIND = lineage.ASSOCIATION
_DEFAULT_PAGE = 10
_ENTITIES = {
    resource.kind: resource for resource in (EXPERIMENT, COMPONENT, lineage.ARTIFACT, lineage.ACTION, lineage.CONTEXT)
}
_SELECTED_BY = ("SourceArn", "DestinationArn", "SourceType", "DestinationType", "AssociationType")


def entity(call: Call, arn: str) -> Document:
    """The entity of lineage that an ARN names. Raises ResourceNotFound."""
    kind, _, name = arn.split(":", 5)[-1].partition("/")
    if kind not in _ENTITIES or call.plane.arn(kind, name) != arn.lower():
        raise ResourceNotFound(f"Resource '{arn}' does not exist.")
    return _ENTITIES[kind].find(call, name)


def _name(source: Document, destination: Document) -> str:
    return "|".join(_arn(entity) for entity in (source, destination))


def _arn(entity: Document) -> str:
    return next(entity[resource.arn_member] for resource in _ENTITIES.values() if resource.arn_member in entity)


def _side(side: str, entity: Document) -> Document:
    """What an association keeps of one of its ends."""
    names = (entity.get(member) for member in ("DisplayName", "ArtifactName", "ActionName", "ContextName"))
    found = {f"{side}Arn": _arn(entity), f"{side}Name": next(filter(None, names), None)}
    found[f"{side}Type"] = lineage.type_of(entity)
    return {member: value for member, value in found.items() if value is not None}


def _add(call: Call, request: Document) -> Document:
    with call.plane.registry_lock:  # neither may be deleted in between
        return _associate(call, request)


def _associate(call: Call, request: Document) -> Document:
    source, destination = entity(call, request["SourceArn"]), entity(call, request["DestinationArn"])
    if _arn(source) == _arn(destination):
        raise ValidationException(f"'{_arn(source)}' cannot be associated with itself")
    document = {"CreationTime": call.plane.now(), **_side("Source", source), **_side("Destination", destination)}
    document |= {key: request[key] for key in ("AssociationType",) if key in request}
    try:
        call.store.create(_KIND, _name(source, destination), document)
    except AlreadyExists:
        raise ValidationException(
            f"An association of '{_arn(source)}' with '{_arn(destination)}' already exists"
        ) from None
    return {"SourceArn": _arn(source), "DestinationArn": _arn(destination)}


def _delete(call: Call, request: Document) -> Document:
    name = f"{request['SourceArn']}|{request['DestinationArn']}"
    try:
        deleted = call.store.delete(_KIND, name)
    except NotFound:
        raise ResourceNotFound(
            f"There is no association of '{request['SourceArn']}' with '{request['DestinationArn']}'."
        ) from None
    return {"SourceArn": deleted["SourceArn"], "DestinationArn": deleted["DestinationArn"]}


def _list(call: Call, request: Document) -> Document:
    found = [document for document in call.store.list(_KIND) if _selected(document, request)]
    by = request.get("SortBy", "CreationTime")
    found.sort(
        key=lambda document: document.get(by, ""), reverse=request.get("SortOrder", "Descending") == "Descending"
    )
    scope = [_KIND, {key: value for key, value in request.items() if key not in ("NextToken", "MaxResults")}]
    start = decode_token(request.get("NextToken"), scope=scope) or 0
    end = start + request.get("MaxResults", _DEFAULT_PAGE)
    token = encode_token(end, scope=scope) if end < len(found) else None
    return Page(member="AssociationSummaries", items=found[start:end], next_token=token).answer()


def _selected(document: Document, request: Document) -> bool:
    created = document["CreationTime"]
    return all(document.get(member) == request[member] for member in _SELECTED_BY if member in request) and request.get(
        "CreatedAfter", created - 1
    ) < created < request.get("CreatedBefore", created + 1)


OPERATIONS: dict[str, Operation] = {"AddAssociation": _add, "DeleteAssociation": _delete, "ListAssociations": _list}
