"""The conditions of a Condition step; all of them must hold."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from localcloud.sagemaker.pipelines.expressions import Scope, Unresolvable, evaluate

Document = dict[str, Any]

_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "Equals": operator.eq,
    "GreaterThan": operator.gt,
    "GreaterThanOrEqualTo": operator.ge,
    "LessThan": operator.lt,
    "LessThanOrEqualTo": operator.le,
}
_MEMBERS = {
    **dict.fromkeys(_COMPARISONS, ("LeftValue", "RightValue")),
    "In": ("QueryValue", "Values"),
    "Not": ("Condition",),
    "Or": ("Conditions",),
}


def check(condition: Any) -> None:
    """Raises ValueError for what is no condition."""
    kind = condition.get("Type") if isinstance(condition, dict) else None
    if kind not in _MEMBERS:
        raise ValueError(f"there is no condition of type {kind!r}")
    if missing := [member for member in _MEMBERS[kind] if member not in condition]:
        raise ValueError(f"the condition {kind} has no {missing[0]}")
    nested = {"Not": [condition.get("Condition")], "Or": condition.get("Conditions")}.get(kind, [])
    if not isinstance(nested, list):
        raise ValueError(f"the Conditions of {kind} must be a list")
    for inner in nested:
        check(inner)


def holds(condition: Document, scope: Scope) -> bool:
    """Raises Unresolvable, also for values that cannot be compared."""
    kind = condition["Type"]
    if kind == "Not":
        return not holds(condition["Condition"], scope)
    if kind == "Or":
        return any([holds(inner, scope) for inner in condition["Conditions"]])
    if kind == "In":
        return evaluate(condition["QueryValue"], scope) in evaluate(condition["Values"], scope)
    left, right = evaluate(condition["LeftValue"], scope), evaluate(condition["RightValue"], scope)
    try:
        return _COMPARISONS[kind](left, right)
    except TypeError as error:
        raise Unresolvable(f"{kind}: {left!r} and {right!r} cannot be compared") from error
