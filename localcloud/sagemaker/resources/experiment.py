"""Experiments, trials and trial components: what was tried, and what came of it.

A trial belongs to one experiment; a component (a step: a job, or what a client recorded itself) is associated with any
number of trials. Each side of an association names the other in its document (``_Components``, ``_Trials`` and
``_Experiments``: maps with names as keys), so that every listing is one query.
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_AssociateTrialComponent.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from localcloud.sagemaker.errors import ApiError, ResourceNotFound, ValidationException
from localcloud.sagemaker.resources.listing import list_page
from localcloud.sagemaker.resources.resource import Call, Document, Operation, Resource


def _missing(name: str, arn: str) -> ApiError:
    return ResourceNotFound(f"Resource '{arn}' does not exist.")


def _taken(name: str, arn: str) -> ApiError:
    return ValidationException(f"Resource '{arn}' already exists.")


EXPERIMENT = Resource(kind="experiment", noun="Experiment", missing=_missing, taken=_taken, newest_first=True)
TRIAL = Resource(kind="experiment-trial", noun="Trial", missing=_missing, taken=_taken, newest_first=True)
COMPONENT = Resource(
    kind="experiment-trial-component", noun="TrialComponent", missing=_missing, taken=_taken, newest_first=True
)
# What must be empty before a resource may be deleted.
_HOLDS = {EXPERIMENT.kind: "_Trials", TRIAL.kind: "_Components", COMPONENT.kind: "_Trials"}


def _insert(call: Call, resource: Resource, request: Document) -> Document:
    name = request[resource.name_member]
    document = {"DisplayName": name, **request, "LastModifiedTime": call.plane.now()}
    tags = document.pop("Tags", [])
    return _arn(resource, resource.insert(call, name, document, tags))


def _arn(resource: Resource, document: Document) -> Document:
    return {resource.arn_member: document[resource.arn_member]}


def _create_trial(call: Call, request: Document) -> Document:
    with call.plane.registry_lock:  # the experiment may not be deleted in between
        EXPERIMENT.find(call, request["ExperimentName"])
        created = _insert(call, TRIAL, request)
        _link(call, EXPERIMENT, request["ExperimentName"], "_Trials", request["TrialName"], present=True)
    return created


def _update(call: Call, resource: Resource, request: Document) -> Document:
    return _arn(resource, resource.update(call, request[resource.name_member], merged(call, request)))


def merged(call: Call, request: Document) -> Callable[[Document], None]:
    """The change that an update asks for.

    Maps are merged, and ``<Map>ToRemove`` takes keys out of them; everything else is replaced.
    """

    def change(document: Document) -> None:
        for member, value in request.items():
            if isinstance(value, dict) and member != "Status":
                document[member] = document.get(member, {}) | value
            elif member.endswith("ToRemove"):
                kept = document.get(member.removesuffix("ToRemove"), {})
                document[member.removesuffix("ToRemove")] = {key: kept[key] for key in kept if key not in value}
            else:
                document[member] = value
        document["LastModifiedTime"] = call.plane.now()

    return change


def _delete(call: Call, resource: Resource, request: Document) -> Document:
    with call.plane.registry_lock:
        document = resource.find(call, request[resource.name_member])
        if held := sorted(document.get(_HOLDS[resource.kind], {})):
            what = _HOLDS[resource.kind].removeprefix("_").lower()
            raise ValidationException(
                f"Resource '{document[resource.arn_member]}' cannot be deleted while it has {what}: {', '.join(held)}"
            )
        resource.remove(call, document[resource.name_member])
        if resource is TRIAL:
            _link(call, EXPERIMENT, document["ExperimentName"], "_Trials", document["TrialName"], present=False)
    return _arn(resource, document)


def _link(call: Call, resource: Resource, name: str, member: str, other: str, *, present: bool) -> Document:
    def change(document: Document) -> None:
        names = {key: True for key in document.get(member, {}) if key != other}
        document[member] = names | ({other: True} if present else {})

    return resource.update(call, name, change)


def _associate(call: Call, request: Document, *, present: bool) -> Document:
    with call.plane.registry_lock:
        component = COMPONENT.find(call, request["TrialComponentName"])["TrialComponentName"]
        trial = TRIAL.find(call, request["TrialName"])["TrialName"]
        linked = _link(call, COMPONENT, component, "_Trials", trial, present=present)
        experiments = {TRIAL.find(call, name)["ExperimentName"]: True for name in linked["_Trials"]}
        COMPONENT.update(call, component, lambda document: document.update(_Experiments=experiments))
        return _arn(COMPONENT, linked) | _arn(
            TRIAL, _link(call, TRIAL, trial, "_Components", component, present=present)
        )


def _list(call: Call, resource: Resource, request: Document, **within: str) -> Document:
    """``within``: request member -> the documents' member it selects by; one with an underscore is a map of names."""
    equals: dict[str, Any] = {}
    for member in request.keys() & within.keys():
        where = within[member]
        equals |= {f'{where}."{request[member]}"': 1} if where.startswith("_") else {where: request[member]}
    return list_page(call, resource, f"List{resource.noun}s", request, within, equals=equals)


def _operations(resource: Resource) -> dict[str, Operation]:
    """What is the same for the three."""
    return {
        f"Create{resource.noun}": lambda call, request: _insert(call, resource, request),
        f"Describe{resource.noun}": lambda call, request: resource.find(call, request[resource.name_member]),
        f"Update{resource.noun}": lambda call, request: _update(call, resource, request),
        f"Delete{resource.noun}": lambda call, request: _delete(call, resource, request),
    }


OPERATIONS: dict[str, Operation] = {
    **_operations(EXPERIMENT),
    **_operations(TRIAL),
    **_operations(COMPONENT),
    "CreateTrial": _create_trial,
    "ListExperiments": lambda call, request: _list(call, EXPERIMENT, request),
    "ListTrials": lambda call, request: _list(
        call, TRIAL, request, ExperimentName="ExperimentName", TrialComponentName="_Components"
    ),
    "ListTrialComponents": lambda call, request: _list(
        call, COMPONENT, request, ExperimentName="_Experiments", TrialName="_Trials", SourceArn="Source.SourceArn"
    ),
    "AssociateTrialComponent": lambda call, request: _associate(call, request, present=True),
    "DisassociateTrialComponent": lambda call, request: _associate(call, request, present=False),
}
