"""Reads `--set name=value` and checks it against the workload's hyperparameters before anything is uploaded.

`plan_training` checks again, since requests also come from elsewhere; here a person gets the answer at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cli.errors import CliError

_BOOLEANS = {"true", "false"}


def parse(settings: Sequence[str], known: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """`["epochs=3"]` -> `{"epochs": "3"}`; SageMaker's hyperparameters are strings.

    `known` is the descriptor's `training.hyperparameters`. Raises CliError that names the hyperparameter, the value and
    what is allowed.
    """
    values: dict[str, str] = {}
    for setting in settings:
        name, separator, value = setting.partition("=")
        if not separator:
            raise CliError(f"--set {setting} is not of the form name=value.", hint="For example: --set epochs=3")
        if name not in known:
            raise CliError(f"There is no hyperparameter {name!r}.", hint="There are: " + ", ".join(sorted(known)))
        if name in values:
            raise CliError(f"--set gives the hyperparameter {name!r} twice: {values[name]!r} and {value!r}.")
        if not _allowed(value, known[name]):
            raise CliError(f"--set {setting}: {value!r} is not allowed.", hint=f"{name} is {describe(known[name])}.")
        values[name] = value
    return values


def describe(spec: Mapping[str, Any]) -> str:
    """What a hyperparameter may be: `an int of at least 1 and at most 100 (default 6)`."""
    kinds = {"int": "a whole number", "float": "a number", "bool": "true or false", "str": "a text"}
    limits = [f"at least {spec['minimum']}"] if spec.get("minimum") is not None else []
    limits += [f"at most {spec['maximum']}"] if spec.get("maximum") is not None else []
    if spec.get("choices"):
        text = "one of " + ", ".join(str(choice) for choice in spec["choices"])
    else:
        text = kinds[spec["type"]] + (" of " + " and ".join(limits) if limits else "")
    return text + (f" (default {spec['default']})" if spec.get("default") is not None else "")


def _allowed(value: str, spec: Mapping[str, Any]) -> bool:
    choices = spec.get("choices")
    if choices and value not in {str(choice) for choice in choices}:
        return False
    if spec["type"] == "bool":
        return value in _BOOLEANS
    if spec["type"] in ("int", "float"):
        return _in_range(value, spec)
    return True


def _in_range(value: str, spec: Mapping[str, Any]) -> bool:
    try:
        number = int(value) if spec["type"] == "int" else float(value)
    except ValueError:
        return False
    minimum, maximum = spec.get("minimum"), spec.get("maximum")
    # `not >=` and not `<`, so that NaN is refused as well.
    if minimum is not None and not number >= minimum:
        return False
    if maximum is not None and not number <= maximum:
        return False
    return number == number and abs(number) != float("inf")
