"""The parameters of a pipeline: their declarations, and their values in one execution."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from localcloud.sagemaker.errors import ValidationException
from localcloud.sagemaker.limits import require_unique
from localcloud.sagemaker.pipelines.expressions import text

Document = dict[str, Any]


def _boolean(value: str) -> bool:
    if value.lower() not in ("true", "false"):
        raise ValueError(value)
    return value.lower() == "true"


_TYPES: dict[str, tuple[Callable[[str], Any], tuple[type, ...]]] = {
    "String": (str, (str,)),
    "Integer": (int, (int,)),
    "Float": (float, (int, float)),
    "Boolean": (_boolean, (bool,)),
}


def check_declarations(declarations: Sequence[Document]) -> None:
    """Raise ValidationException for types, defaults and enumerations that do not fit each other."""
    for declared in declarations:
        if not isinstance(declared, dict) or not isinstance(declared.get("Name"), str):
            raise ValidationException(f"Unable to parse pipeline definition: the parameter {declared!r} has no Name")
    require_unique((declared["Name"] for declared in declarations), "pipeline parameter")
    for declared in declarations:
        name, kind = declared["Name"], declared.get("Type")
        if kind not in _TYPES:
            raise ValidationException(f"Pipeline parameter {name}: the type {kind!r} is none of {', '.join(_TYPES)}")
        default = declared.get("DefaultValue")
        fits = isinstance(default, _TYPES[kind][1]) and (kind == "Boolean" or not isinstance(default, bool))
        if default is not None and not fits:
            raise ValidationException(f"Pipeline parameter {name}: the default {default!r} is no {kind}")
        _require_listed(declared, default)


def values(declarations: Sequence[Document], given: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    """Name -> value, of the declared types. Raises ValidationException."""
    require_unique((parameter["Name"] for parameter in given), "pipeline parameter")
    known = {declared["Name"] for declared in declarations}
    if unknown := sorted({parameter["Name"] for parameter in given} - known):
        raise ValidationException(f"Parameters [{', '.join(unknown)}] are not defined in the pipeline definition")
    strings = {parameter["Name"]: parameter["Value"] for parameter in given}
    found = {declared["Name"]: _value(declared, strings) for declared in declarations}
    if missing := sorted(name for name, value in found.items() if value is None):
        raise ValidationException(f"Parameters [{', '.join(missing)}] have neither a value nor a default")
    return found


def listed(found: Mapping[str, Any]) -> list[Document]:
    """Values as ListPipelineParametersForExecution shows them."""
    return [{"Name": name, "Value": text(value)} for name, value in found.items()]


def _value(declared: Document, given: Mapping[str, str]) -> Any:
    name, kind = declared["Name"], declared["Type"]
    if name not in given:
        return declared.get("DefaultValue")
    try:
        value = _TYPES[kind][0](given[name])
    except ValueError as error:
        raise ValidationException(f"Pipeline parameter {name}: {given[name]!r} is no {kind}") from error
    _require_listed(declared, value)
    return value


def _require_listed(declared: Document, value: Any) -> None:
    allowed = declared.get("EnumValues")
    if allowed and value is not None and value not in allowed:
        raise ValidationException(f"Pipeline parameter {declared['Name']}: {value!r} is none of {allowed}")
