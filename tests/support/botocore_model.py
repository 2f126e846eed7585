"""Checks request parameters against botocore's service model, with what botocore leaves unchecked: max, enum, pattern.

`violations("sagemaker", "CreateModel", {...})` -> one line a violation, empty for a request that the model allows.
"""

from functools import cache
from typing import Any

import botocore.session
import regex
from botocore.model import Shape

_KINDS: dict[str, tuple[type, ...]] = {
    "structure": (dict,),
    "map": (dict,),
    "list": (list, tuple),
    "string": (str,),
    "character": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "long": (int,),
    "float": (int, float),
    "double": (int, float),
}


def violations(service: str, operation: str, params: dict[str, Any]) -> list[str]:
    """What is wrong with `params` as the input of `operation`, each line with the member's path."""
    shape = _service(service).operation_model(operation).input_shape
    if shape is None:
        return [f"{operation} takes no input"] if params else []
    return _check(shape, params, operation)


@cache
def _service(name: str) -> Any:
    return botocore.session.get_session().get_service_model(name)


def _check(shape: Shape, value: Any, path: str) -> list[str]:
    kinds = _KINDS.get(shape.type_name)
    if kinds is None:  # blobs, timestamps
        return []
    if not isinstance(value, kinds) or (isinstance(value, bool) and shape.type_name != "boolean"):
        return [f"{path}: {type(value).__name__}, expected {shape.type_name}"]
    found = _check_limits(shape, value, path)
    if shape.type_name == "structure":
        found += _check_structure(shape, value, path)
    elif shape.type_name == "map":
        for key, item in value.items():
            found += _check(shape.key, key, f"{path} key {key!r}") + _check(shape.value, item, f"{path}[{key!r}]")
    elif shape.type_name == "list":
        for index, item in enumerate(value):
            found += _check(shape.member, item, f"{path}[{index}]")
    return found


def _check_structure(shape: Any, value: dict[str, Any], path: str) -> list[str]:
    found = [f"{path}.{name}: missing" for name in shape.required_members if name not in value]
    for name, item in value.items():
        if name not in shape.members:
            found.append(f"{path}.{name}: unknown member")
        else:
            found += _check(shape.members[name], item, f"{path}.{name}")
    return found


def _check_limits(shape: Shape, value: Any, path: str) -> list[str]:
    size = value if isinstance(value, int | float) else len(value)
    found = []
    if "min" in shape.metadata and size < shape.metadata["min"]:
        found.append(f"{path}: {size} is below the minimum {shape.metadata['min']}")
    if "max" in shape.metadata and size > shape.metadata["max"]:
        found.append(f"{path}: {size} is above the maximum {shape.metadata['max']}")
    allowed = getattr(shape, "enum", None)
    if allowed and value not in allowed:
        found.append(f"{path}: {value!r} is not one of {', '.join(allowed)}")
    pattern = shape.metadata.get("pattern")
    if pattern and not _compile(pattern).fullmatch(value):
        found.append(f"{path}: {value!r} does not match {pattern}")
    return found


@cache
def _compile(pattern: str) -> Any:
    # The patterns are Java's: \p{L} needs `regex`, and supplementary characters are written as a surrogate range.
    return regex.compile(pattern.replace(r"\uD800\uDC00-\uDBFF\uDFFF", r"\U00010000-\U0010FFFF"))
