"""The list operation of any resource, driven by the operation's own input and output shapes."""

from __future__ import annotations

from collections.abc import Collection
from itertools import islice
from typing import Any

from localcloud.sagemaker.errors import ValidationException
from localcloud.sagemaker.pagination import Page, decode_token, encode_token
from localcloud.sagemaker.resources.resource import Call, Document, Operation, Resource
from localcloud.sagemaker.service_model import operation_model
from localcloud.sagemaker.store import Query

_DEFAULT_PAGE = 10
_SORT_COLUMNS = {"Name": "name", "CreationTime": "created", "Status": "status", "PipelineExecutionArn": "name"}
_FILTERS = {
    "NameContains": "name_contains",
    "StatusEquals": "status",
    "CreationTimeAfter": "created_after",
    "CreationTimeBefore": "created_before",
    "CreatedAfter": "created_after",
    "CreatedBefore": "created_before",
    "LastModifiedTimeAfter": "modified_after",
    "LastModifiedTimeBefore": "modified_before",
}
_PAGING = ("NextToken", "MaxResults", "SortBy", "SortOrder")


def list_operation(resource: Resource, operation: str) -> Operation:
    """The handler of ``operation`` for resources without filters of their own."""

    def list_resources(call: Call, request: Document) -> Document:
        return list_page(call, resource, operation, request)

    return list_resources


def list_page(
    call: Call,
    resource: Resource,
    operation: str,
    request: Document,
    own_filters: Collection[str] = (),
    **query_arguments: Any,
) -> Document:
    """Answer one page. ``own_filters`` names the request's members that the caller turned into ``query_arguments``.

    Raises ValidationException for a foreign token and for filters that this listing does not cover.
    """
    if unknown := sorted(request.keys() - {*_FILTERS, *_PAGING, *own_filters}):
        raise ValidationException(f"The embedded cloud does not cover the filter {unknown[0]} of {operation}")
    scope = [operation, {key: value for key, value in request.items() if key not in ("NextToken", "MaxResults")}]
    query = Query(
        sort=_SORT_COLUMNS[request.get("SortBy", "CreationTime")],
        descending=_descending(resource, request),
        after=decode_token(request.get("NextToken"), scope=scope),
        **{argument: request[member] for member, argument in _FILTERS.items() if member in request},
        **query_arguments,
    )
    size = request.get("MaxResults", _DEFAULT_PAGE)
    rows = list(islice(call.store.list_with_position(resource.kind, query), size + 1))
    token = encode_token(rows[size - 1][1], scope=scope) if len(rows) > size else None
    items = [document for document, _ in rows[:size]]
    return Page(member=_list_member(operation), items=items, next_token=token).answer()


def _descending(resource: Resource, request: Document) -> bool:
    order = request.get("SortOrder", "Descending" if resource.newest_first else "Ascending")
    return order == "Descending"


def _list_member(operation: str) -> str:
    members = operation_model(operation).output_shape.members
    return next(name for name, shape in members.items() if shape.type_name == "list")
