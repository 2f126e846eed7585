"""QueryLineage: what can be reached from an entity along its associations.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_QueryLineage.html. The start itself is no vertex of the
answer. A filter says which vertices are shown; the way may lead through others.
"""

from __future__ import annotations

from collections.abc import Iterator

from localcloud.sagemaker.errors import ValidationException
from localcloud.sagemaker.pagination import decode_token, encode_token
from localcloud.sagemaker.resources import association, lineage
from localcloud.sagemaker.resources.experiment import COMPONENT, EXPERIMENT
from localcloud.sagemaker.resources.resource import Call, Document, Operation
from localcloud.sagemaker.store import NotFound, Query

_DEFAULT_PAGE, _DEFAULT_DEPTH = 10, 10
_LINEAGE_TYPES = {
    COMPONENT.kind: "TrialComponent",
    lineage.ARTIFACT.kind: "Artifact",
    lineage.ACTION.kind: "Action",
    lineage.CONTEXT.kind: "Context",
    EXPERIMENT.kind: "Context",
}
_TIMES = {
    "CreatedAfter": ("CreationTime", 1),
    "CreatedBefore": ("CreationTime", -1),
    "ModifiedAfter": ("LastModifiedTime", 1),
    "ModifiedBefore": ("LastModifiedTime", -1),
}


def _query(call: Call, request: Document) -> Document:
    if not request.get("StartArns"):
        raise ValidationException("StartArns must name the entity to start from")
    start = request["StartArns"][0]
    association.entity(call, start)
    reached, edges = _walk(call, start, request)
    filters = request.get("Filters", {})
    shown = [vertex for vertex in (_vertex(call, arn) for arn in reached) if vertex and _passes(vertex, filters)]
    scope = ["QueryLineage", {key: value for key, value in request.items() if key not in ("NextToken", "MaxResults")}]
    first = decode_token(request.get("NextToken"), scope=scope) or 0
    last = first + request.get("MaxResults", _DEFAULT_PAGE)
    page = shown[first:last]
    answer: Document = {"Vertices": page, "Edges": []}
    if request.get("IncludeEdges", True):
        known = {start, *(vertex["Arn"] for vertex in page)}
        answer["Edges"] = [edge for edge in edges if known >= {edge["SourceArn"], edge["DestinationArn"]}]
    return answer | ({"NextToken": encode_token(last, scope=scope)} if last < len(shown) else {})


def _walk(call: Call, start: str, request: Document) -> tuple[list[str], list[Document]]:
    """The ARNs that are reached, the nearest first, and the associations on the way."""
    direction = request.get("Direction", "Both")
    ways = [("SourceArn", "DestinationArn")] if direction in ("Both", "Descendants") else []
    ways += [("DestinationArn", "SourceArn")] if direction in ("Both", "Ascendants") else []
    seen, edges = {start: None}, {}
    for way in ways:  # "Both" means ancestors and descendants, not the siblings that lie between
        border, visited = [start], {start}
        for _ in range(request.get("MaxDepth", _DEFAULT_DEPTH)):
            found = [edge for arn in border for edge in _associations(call, way[0], arn)]
            edges.update({(edge["SourceArn"], edge["DestinationArn"]): edge for edge in found})
            border = [arn for arn in dict.fromkeys(edge[way[1]] for edge in found) if arn not in visited]
            visited.update(border)
            seen.update(dict.fromkeys(border))
    return [arn for arn in seen if arn != start], list(edges.values())


def _associations(call: Call, side: str, arn: str) -> Iterator[Document]:
    return call.store.list(lineage.ASSOCIATION, Query(equals={side: arn}))


def _vertex(call: Call, arn: str) -> Document | None:
    """The vertex, with what filters look at; None for an entity that was deleted."""
    kind, _, name = arn.split(":", 5)[-1].partition("/")
    try:
        document = call.store.get(kind, name)
    except NotFound:
        return None
    return document | {"Arn": arn, "Type": lineage.type_of(document), "LineageType": _LINEAGE_TYPES[kind]}


def _passes(vertex: Document, filters: Document) -> bool:
    for member, (time, sign) in _TIMES.items():
        if member in filters and sign * (vertex[time] - filters[member]) <= 0:
            return False
    properties = vertex.get("Properties", {})
    return (
        vertex["Type"] in filters.get("Types", [vertex["Type"]])
        and vertex["LineageType"] in filters.get("LineageTypes", [vertex["LineageType"]])
        and all(properties.get(key) == value for key, value in filters.get("Properties", {}).items())
    )


OPERATIONS: dict[str, Operation] = {"QueryLineage": _query}
