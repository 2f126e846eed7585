"""Reads a request body and checks it against the operation's input shape.

Two kinds of errors, as on AWS: a body that is not of the shape's types is a ``SerializationException``; values out of
their limits are a ``ValidationException`` that names each member in the form ``productionVariants.1.member.modelName``.
Deliberately stricter than AWS: a member that the shape does not know is refused, where AWS ignores it, because SDKs and
Step Functions refuse it before sending, and because a misspelt member ignored is a setting silently lost.
"""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from typing import Any

from botocore.model import Shape

from localcloud.sagemaker import constraints
from localcloud.sagemaker.errors import SerializationException, ValidationException

_SHOWN_CHARACTERS = 1024
_INTEGER_BITS = {"integer": 31, "long": 63}
_ARTICLES = {"string": "a String", "integer": "an Integer", "long": "a Long", "boolean": "a Boolean"}


def read_body(body: bytes) -> dict[str, Any]:
    """The JSON object of a request; duplicate keys, NaN, infinities and anything but an object are refused."""
    try:
        value = json.loads(
            body or b"{}", parse_constant=_refuse_constant, parse_float=_finite, object_pairs_hook=_unique
        )
    except (ValueError, RecursionError) as error:
        raise SerializationException(f"The request body is not valid JSON: {error}") from error
    if not isinstance(value, dict):
        raise SerializationException("The request body must be a JSON object")
    return value


def check(shape: Shape, value: dict[str, Any]) -> dict[str, Any]:
    """The request with timestamps as epoch seconds and nulls dropped. Raises the two errors above."""
    found: list[str] = []
    request = _read(shape, value, "", found)
    if found:
        plural = "error" if len(found) == 1 else "errors"
        raise ValidationException(f"{len(found)} validation {plural} detected: {'; '.join(found)}")
    return request


def _read(shape: Shape, value: Any, path: str, found: list[str]) -> Any:
    reader = _READERS.get(shape.type_name)
    if reader is not None:
        return reader(shape, value, path, found)
    scalar = _scalar(shape, value, path)
    found += [_failure(path, value, text, shape) for text in _scalar_violations(shape, scalar)]
    return scalar


def _read_structure(shape: Shape, value: Any, path: str, found: list[str]) -> dict[str, Any]:
    _expect(dict, value, path)
    given = {name: part for name, part in value.items() if part is not None}
    for name in sorted(given.keys() - shape.members.keys()):
        found.append(_failure(_join(path, name), None, f"Member is not known to {shape.name}", None))
    for name in shape.required_members:
        if name not in given:
            found.append(f"Value null at '{_join(path, name)}' failed to satisfy constraint: Member must not be null")
    if getattr(shape, "is_tagged_union", False) and len(given) != 1:
        found.append(_failure(path, None, f"Exactly one of [{', '.join(shape.members)}] must be set", None))
    known = ((name, given[name], member) for name, member in shape.members.items() if name in given)
    return {name: _read(member, part, _join(path, name), found) for name, part, member in known}


def _read_list(shape: Shape, value: Any, path: str, found: list[str]) -> list[Any]:
    _expect(list, value, path)
    found += [_failure(path, value, text, shape) for text in constraints.violations(shape, value)]
    element = shape.member
    if element.type_name in _READERS:
        return [_read(element, item, f"{path}.{index}.member", found) for index, item in enumerate(value, 1)]
    items = [_scalar(element, item, f"{path}.{index}.member") for index, item in enumerate(value, 1)]
    if any(_scalar_violations(element, item) for item in items):
        found.append(_failure(path, value, f"Member must satisfy constraint: {_all(element)}", shape))
    return items


def _read_map(shape: Shape, value: Any, path: str, found: list[str]) -> dict[str, Any]:
    _expect(dict, value, path)
    found += [_failure(path, value, text, shape) for text in constraints.violations(shape, value)]
    if any(constraints.violations(shape.key, key) for key in value):
        found.append(_failure(path, value, f"Map keys must satisfy constraint: {_all(shape.key)}", shape))
    if shape.value.type_name in _READERS:
        return {key: _read(shape.value, item, f"{path}.{key}.member", found) for key, item in value.items()}
    items = {key: _scalar(shape.value, item, f"{path}.{key}.member") for key, item in value.items()}
    if any(_scalar_violations(shape.value, item) for item in items.values()):
        found.append(_failure(path, value, f"Map value must satisfy constraint: {_all(shape.value)}", shape))
    return items


_READERS = {"structure": _read_structure, "list": _read_list, "map": _read_map}


def _scalar(shape: Shape, value: Any, path: str) -> Any:
    """The value in the type of the shape, or SerializationException."""
    kind = shape.type_name
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if kind == "string" and isinstance(value, str):
        return value
    if kind == "boolean" and isinstance(value, bool):
        return value
    if kind in ("float", "double") and number:
        return float(value)
    if kind in _INTEGER_BITS and number and value == int(value) and abs(value) < 2 ** _INTEGER_BITS[kind]:
        return int(value)
    if kind == "timestamp" and (number or isinstance(value, str)):
        return _timestamp(value, path)
    raise SerializationException(f"{_json_type(value)} can not be converted to {_article(kind)} at '{path}'")


def _scalar_violations(shape: Shape, value: Any) -> list[str]:
    return [] if shape.type_name in ("boolean", "timestamp") else constraints.violations(shape, value)


def _timestamp(value: str | float, path: str) -> float:
    if not isinstance(value, str):
        return float(value)
    try:
        moment = datetime.fromisoformat(value)
    except ValueError as error:
        raise SerializationException(f"'{value}' can not be converted to a Timestamp at '{path}'") from error
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _expect(kind: type, value: Any, path: str) -> None:
    if not isinstance(value, kind):
        wanted = "list" if kind is list else "structure or map"
        raise SerializationException(f"{_json_type(value)} found where a {wanted} was expected at '{path}'")


def _json_type(value: Any) -> str:
    if isinstance(value, bool):
        return "TRUE_VALUE" if value else "FALSE_VALUE"
    if value is None:
        return "NULL_VALUE"
    if isinstance(value, int | float):
        return "NUMBER_VALUE"
    return {str: "STRING_VALUE", list: "Start of list", dict: "Start of structure or map"}[type(value)]


def _article(kind: str) -> str:
    return _ARTICLES.get(kind, f"a {kind.capitalize()}")


def _failure(path: str, value: Any, constraint: str, shape: Shape | None) -> str:
    hidden = shape is None or shape.metadata.get("sensitive")
    shown = "Value" if hidden else f"Value '{_show(value)}'"
    return f"{shown} at '{path}' failed to satisfy constraint: {constraint}"


def _show(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        text = f"[{', '.join(_show(item) for item in value)}]"
    elif isinstance(value, dict):
        text = f"{{{', '.join(f'{key}={_show(item)}' for key, item in value.items())}}}"
    else:
        text = str(value)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}..."


def _all(shape: Shape) -> str:
    return f"[{', '.join(constraints.describe(shape))}]"


def _join(path: str, name: str) -> str:
    member = name[:1].lower() + name[1:]
    return f"{path}.{member}" if path else member


def _refuse_constant(constant: str) -> float:
    raise ValueError(f"{constant} is not a JSON number")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"the number {text} is out of range")
    return number


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"duplicate member {next(name for name in names if names.count(name) > 1)!r}")
    return members
