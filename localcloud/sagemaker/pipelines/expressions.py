"""Expressions in a pipeline definition: ``{"Get": ...}``, ``Std:Join`` and ``Std:JsonGet``."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Document = dict[str, Any]

_TOKEN = re.compile(r"\.?(?P<name>[^.\[\]'\"\s]+)|\.?\[(?:'(?P<single>[^']*)'|\"(?P<double>[^\"]*)\"|(?P<index>\d+))\]")
# By which member an entry of a list is meant in ``Outputs['train']``.
_ENTRY_NAMES = ("OutputName", "InputName", "MetricName", "ChannelName", "Name", "VariantName")


class Unresolvable(ValueError):
    """The expression names something that is not there."""


@dataclass(frozen=True, kw_only=True)
class Scope:
    """What expressions may name.

    ``properties`` gives what a finished step described; ``property_file`` the parsed JSON of one of a step's property
    files, ``json_object`` that of an S3 URI. The three raise Unresolvable.
    """

    parameters: Mapping[str, Any]
    execution: Mapping[str, str]
    properties: Callable[[str], Any]
    property_file: Callable[[str, str], Any]
    json_object: Callable[[str], Any]


def evaluate(value: Any, scope: Scope) -> Any:
    """The value with every expression in it replaced. Raises Unresolvable."""
    if isinstance(value, list):
        return [evaluate(item, scope) for item in value]
    if not isinstance(value, dict):
        return value
    function = _FUNCTIONS.get(next(iter(value))) if len(value) == 1 else None
    if function is not None:
        return function(next(iter(value.values())), scope)
    return {key: evaluate(item, scope) for key, item in value.items()}


def gets(value: Any) -> Iterator[str]:
    """Every ``Get`` path in the value."""
    if isinstance(value, list):
        for item in value:
            yield from gets(item)
    elif isinstance(value, dict):
        if len(value) == 1 and isinstance(value.get("Get"), str):
            yield value["Get"]
        for item in value.values():
            yield from gets(item)


def referenced_steps(value: Any) -> set[str]:
    """The names of the steps whose results the value needs."""
    paths = (path.split(".", 2) for path in gets(value))
    return {parts[1].partition("[")[0] for parts in paths if parts[0] == "Steps" and len(parts) > 1}


def text(value: Any) -> str:
    """A value as part of a string."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def select(document: Any, path: str, what: str) -> Any:
    """The part of a document at ``A.B[0].C['name']``. Raises Unresolvable, whose message names ``what``."""
    position = 0
    while position < len(path):
        match = _TOKEN.match(path, position)
        if match is None:
            raise Unresolvable(f"{what}: {path!r} cannot be read from {path[position:]!r} on")
        document = _member(document, match, what, path)
        position = match.end()
    return document


def _member(document: Any, match: re.Match[str], what: str, path: str) -> Any:
    names = [match[group] for group in ("name", "single", "double") if match[group] is not None]
    found = None
    if match["index"] is not None and isinstance(document, list) and int(match["index"]) < len(document):
        found = document[int(match["index"])]
    elif names and isinstance(document, dict):
        found = document.get(names[0])
    elif names and isinstance(document, list):
        found = next((item for item in document if _is_named(item, names[0])), None)
    if found is None:
        raise Unresolvable(f"{what}: there is nothing at {match[0]!r} of {path!r}")
    return found


def _is_named(item: Any, name: str) -> bool:
    return isinstance(item, dict) and any(item.get(member) == name for member in _ENTRY_NAMES)


def _get(path: Any, scope: Scope) -> Any:
    if not isinstance(path, str) or "." not in path:
        raise Unresolvable(f"Get {path!r}: expected Parameters.<name>, Execution.<name> or Steps.<name>.<property>")
    root, rest = path.split(".", 1)
    if root == "Steps":
        step, _, inner = rest.partition(".")
        return select(scope.properties(step), inner, f"Get {path!r}")
    names = {"Parameters": scope.parameters, "Execution": scope.execution}.get(root, {})
    if rest not in names:
        raise Unresolvable(f"Get {path!r}: there is no such value")
    return names[rest]


def _join(arguments: Document, scope: Scope) -> str:
    return arguments.get("On", "").join(text(evaluate(value, scope)) for value in arguments["Values"])


def _json_get(arguments: Document, scope: Scope) -> Any:
    if "S3Uri" in arguments:
        uri = evaluate(arguments["S3Uri"], scope)
        document, what = scope.json_object(uri), uri
    else:
        reference = arguments["PropertyFile"]
        _, step, _, name = (reference["Get"] if isinstance(reference, dict) else reference).split(".", 3)
        document, what = scope.property_file(step, name), f"property file {name} of step {step}"
    path = evaluate(arguments["Path"], scope)
    return select(document, path.removeprefix("$").removeprefix("."), f"Std:JsonGet of {what}")


_FUNCTIONS: dict[str, Callable[[Any, Scope], Any]] = {"Get": _get, "Std:Join": _join, "Std:JsonGet": _json_get}
