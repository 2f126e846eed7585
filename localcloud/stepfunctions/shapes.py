"""Translates a task's parameters into an API's members, and an API's answer into a task's result."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from botocore.model import Shape
from botocore.response import StreamingBody

from localcloud.stepfunctions.errors import RUNTIME, TaskError
from localcloud.stepfunctions.naming import sdk_name

Time = Callable[[datetime], Any]


def to_members(value: Any, shape: Shape | None, path: str = "$") -> Any:
    """The request for ``shape``. Raises TaskError for a field that the API does not have.

    Nulls are left out, whole numbers become integers where the API wants them, text becomes bytes for a blob.
    """
    if shape is None:
        return value
    if shape.type_name == "structure" and isinstance(value, dict) and not getattr(shape, "is_document_type", False):
        return _to_structure(value, shape, path)
    if shape.type_name == "list" and isinstance(value, list):
        return [to_members(item, shape.member, f"{path}[{index}]") for index, item in enumerate(value)]
    if shape.type_name == "map" and isinstance(value, dict):
        return {key: to_members(item, shape.value, f"{path}.{key}") for key, item in value.items()}
    if shape.type_name in ("integer", "long") and isinstance(value, float) and value.is_integer():
        return int(value)
    if shape.type_name == "blob" and isinstance(value, str):
        return value.encode()
    return value


def _to_structure(value: dict[str, Any], shape: Shape, path: str) -> dict[str, Any]:
    by_sdk_name = {sdk_name(member): member for member in shape.members}
    request = {}
    for field, part in value.items():
        member = field if field in shape.members else by_sdk_name.get(field)
        if member is None:
            known = ", ".join(sorted(by_sdk_name))
            raise TaskError(RUNTIME, f'The field "{path}.{field}" is not supported by Step Functions; known: {known}')
        if part is not None:
            request[member] = to_members(part, shape.members[member], f"{path}.{field}")
    return request


def to_result(value: Any, *, rename: Callable[[str], str], time: Time, shape: Shape | None = None) -> Any:
    """A parsed answer as JSON: members renamed (keys of maps are data, and stay), times by ``time``, bodies as text."""
    if isinstance(value, dict):
        if shape is not None and shape.type_name == "map":
            return {key: to_result(item, rename=rename, time=time, shape=shape.value) for key, item in value.items()}
        members = getattr(shape, "members", {}) if shape is not None else {}
        return {
            rename(key): to_result(item, rename=rename, time=time, shape=members.get(key))
            for key, item in value.items()
        }
    if isinstance(value, list):
        member = getattr(shape, "member", None) if shape is not None else None
        return [to_result(item, rename=rename, time=time, shape=member) for item in value]
    if isinstance(value, datetime):
        return time(value)
    if isinstance(value, StreamingBody):
        value = value.read()
    return value.decode() if isinstance(value, bytes) else value


def iso_time(moment: datetime) -> str:
    """As ``aws-sdk`` integrations show it: ``2024-05-01T12:00:00.000Z``."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def epoch_milliseconds(moment: datetime) -> int:
    """As optimized integrations show it."""
    return round(moment.timestamp() * 1000)
