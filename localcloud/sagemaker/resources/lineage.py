"""Artifacts, actions and contexts: the entities of lineage that people record themselves.

https://docs.aws.amazon.com/sagemaker/latest/dg/lineage-tracking-entities.html. An artifact is known by its source: its
ARN ends in a hash, and a second one with the same source is refused.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable

from localcloud.sagemaker.errors import ValidationException
from localcloud.sagemaker.resources import experiment
from localcloud.sagemaker.resources.listing import list_page
from localcloud.sagemaker.resources.pipeline import identity
from localcloud.sagemaker.resources.resource import Call, Document, Operation, Resource
from localcloud.sagemaker.store import Query


def _resource(kind: str, noun: str) -> Resource:
    missing, taken = experiment.EXPERIMENT.missing, experiment.EXPERIMENT.taken
    return Resource(kind=kind, noun=noun, missing=missing, taken=taken, newest_first=True)


ARTIFACT = _resource("artifact", "Artifact")
ACTION = _resource("action", "Action")
CONTEXT = _resource("context", "Context")
ASSOCIATION = "association"


def type_of(document: Document) -> str | None:
    """ArtifactType, ActionType or ContextType; of a trial component what it comes from."""
    found = (document.get(f"{resource.noun}Type") for resource in (ARTIFACT, ACTION, CONTEXT))
    return next(filter(None, found), None) or document.get("Source", {}).get("SourceType")


def _artifact_id(source: Document) -> str:
    """32 hexadecimal digits, the same for the same source."""
    kinds = sorted((kind["SourceIdType"], kind["Value"]) for kind in source.get("SourceTypes", []))
    return hashlib.sha256(json.dumps([source["SourceUri"], kinds]).encode()).hexdigest()[:32]


def _create(call: Call, resource: Resource, request: Document) -> Document:
    document = {"LastModifiedTime": call.plane.now(), "CreatedBy": identity(call), **request}
    document |= {"LastModifiedBy": identity(call)}
    tags = document.pop("Tags", [])
    created = resource.insert(call, _key(resource, request), document, tags)
    return {resource.arn_member: created[resource.arn_member]}


def _key(resource: Resource, request: Document) -> str:
    """The store's name of what a request is about."""
    if resource is not ARTIFACT:
        return request[resource.name_member].rpartition("/")[2]
    if resource.arn_member in request:
        return request[resource.arn_member].rpartition("/")[2]
    return _artifact_id(request["Source"])


def _update(call: Call, resource: Resource, request: Document) -> Document:
    change = experiment.merged(call, {member: value for member, value in request.items() if member != "ArtifactArn"})

    def apply(document: Document) -> None:
        change(document)
        document["LastModifiedBy"] = identity(call)

    updated = resource.update(call, _key(resource, request), apply)
    return {resource.arn_member: updated[resource.arn_member]}


def _delete(call: Call, resource: Resource, request: Document) -> Document:
    if resource is ARTIFACT and ("ArtifactArn" in request) == ("Source" in request):
        raise ValidationException("Exactly one of ArtifactArn and Source must be given")
    with call.plane.registry_lock:
        document = resource.find(call, _key(resource, request))
        arn = document[resource.arn_member]
        for side in ("SourceArn", "DestinationArn"):
            for association in call.store.list(ASSOCIATION, Query(equals={side: arn})):
                ends = f"{association['SourceArn']} with {association['DestinationArn']}"
                raise ValidationException(f"Resource '{arn}' cannot be deleted: delete the association of {ends} first")
        resource.remove(call, _key(resource, request))
    return {resource.arn_member: arn}


def _list(call: Call, resource: Resource, request: Document) -> Document:
    members = {"SourceUri": "Source.SourceUri", f"{resource.noun}Type": f"{resource.noun}Type"}
    equals = {members[member]: request[member] for member in request.keys() & members.keys()}
    return list_page(call, resource, f"List{resource.noun}s", request, members, equals=equals)


def _operations(resource: Resource) -> dict[str, Operation]:
    def describe(call: Call, request: Document) -> Document:
        return resource.find(call, _key(resource, request))

    def bound(act: Callable[[Call, Resource, Document], Document]) -> Operation:
        return lambda call, request: act(call, resource, request)

    noun = resource.noun
    return {
        f"Create{noun}": bound(_create),
        f"Describe{noun}": describe,
        f"Update{noun}": bound(_update),
        f"Delete{noun}": bound(_delete),
        f"List{noun}s": bound(_list),
    }


OPERATIONS: dict[str, Operation] = {**_operations(ARTIFACT), **_operations(ACTION), **_operations(CONTEXT)}
