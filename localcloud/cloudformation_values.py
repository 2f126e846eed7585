"""Values of a template in the types of an API: CloudFormation's parameters are text, whatever they mean."""

from __future__ import annotations

from typing import Any

from botocore.model import Shape


def typed(shape: Shape | None, value: Any) -> Any:
    """The value with numbers and booleans where the shape has them. What is none stays, for the API to refuse."""
    if shape is None:
        return value
    if shape.type_name == "structure" and isinstance(value, dict):
        return {name: typed(shape.members.get(name), part) for name, part in value.items()}
    if shape.type_name == "list" and isinstance(value, list):
        return [typed(shape.member, item) for item in value]
    if shape.type_name == "map" and isinstance(value, dict):
        return {key: typed(shape.value, item) for key, item in value.items()}
    if shape.type_name == "string" and isinstance(value, int | float):
        return str(value).lower() if isinstance(value, bool) else str(value)
    return _scalar(shape.type_name, value) if isinstance(value, str) else value


def _scalar(kind: str, text: str) -> Any:
    if kind == "boolean" and text.lower() in ("true", "false"):
        return text.lower() == "true"
    convert = {"integer": int, "long": int, "float": float, "double": float}.get(kind)
    if convert is None:
        return text
    try:
        return convert(text)
    except ValueError:
        return text
