"""A run's hyperparameters: the manifest's defaults, overridden by what the run asks for, each checked against the
manifest.
"""

import math
import re
from collections.abc import Callable
from typing import Any

from shared.descriptor import HyperparameterSpec
from shared.errors import SlipwayError

# CreateTrainingJob, HyperParameters: at most 100, keys to 256 characters, values to 2,500 and of one line.
MAX_VALUE_CHARACTERS = 2500


class InvalidHyperparameter(SlipwayError):
    """A hyperparameter that the manifest does not allow; the message names it, its value and what is allowed."""


def resolve(specs: dict[str, HyperparameterSpec], overrides: dict[str, Any]) -> dict[str, str]:
    """Name -> value as SageMaker takes it (a string), for every hyperparameter that has a default or is given."""
    unknown = sorted(overrides.keys() - specs.keys())
    if unknown:
        allowed = ", ".join(sorted(specs)) or "none"
        raise InvalidHyperparameter(f"hyperparameter {unknown[0]!r} is unknown; allowed: {allowed}")
    resolved = {}
    for name, spec in specs.items():
        if name in overrides:
            resolved[name] = _checked(name, spec, overrides[name])
        elif spec.get("default") is not None:
            resolved[name] = to_text(spec["default"])
    return resolved


def to_text(value: Any) -> str:
    """A scalar as the training script gets it: booleans as true and false."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _checked(name: str, spec: HyperparameterSpec, text: Any) -> str:
    if not isinstance(text, str):
        raise InvalidHyperparameter(f"hyperparameter {name}: {text!r} must be given as a string")
    try:
        value = _PARSERS[spec["type"]](text)
    except ValueError:
        raise InvalidHyperparameter(f"hyperparameter {name}: {text[:100]!r} is not of type {spec['type']}") from None
    choices = spec.get("choices")
    if choices and value not in choices:
        allowed = ", ".join(to_text(choice) for choice in choices)
        raise InvalidHyperparameter(f"hyperparameter {name}: {text[:100]!r} is not one of {allowed}")
    _check_range(name, spec, value)
    return to_text(value)


def _check_range(name: str, spec: HyperparameterSpec, value: Any) -> None:
    minimum, maximum = spec.get("minimum"), spec.get("maximum")
    if minimum is not None and value < minimum:
        raise InvalidHyperparameter(f"hyperparameter {name}: {value} is below the minimum {minimum}")
    if maximum is not None and value > maximum:
        raise InvalidHyperparameter(f"hyperparameter {name}: {value} is above the maximum {maximum}")


def _integer(text: str) -> int:
    if not re.fullmatch(r"[+-]?[0-9]{1,18}", text):  # int() also takes spaces, underscores and other scripts' digits
        raise ValueError(text)
    return int(text)


def _float(text: str) -> float:
    if not re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", text) or not math.isfinite(float(text)):
        raise ValueError(text)
    return float(text)


def _boolean(text: str) -> bool:
    if text.lower() not in {"true", "false"}:
        raise ValueError(text)
    return text.lower() == "true"


def _string(text: str) -> str:
    if len(text) > MAX_VALUE_CHARACTERS or not text.isprintable():
        raise ValueError(text)
    return text


_PARSERS: dict[str, Callable[[str], Any]] = {"int": _integer, "float": _float, "bool": _boolean, "str": _string}
