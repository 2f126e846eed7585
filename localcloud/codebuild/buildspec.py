"""The build specification, version 0.2, as far as builds here follow it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import yaml

PHASES = ("install", "pre_build", "build", "post_build")
_TOP_LEVEL = frozenset({"version", "env", "phases", "artifacts", "cache", "reports"})
_ENV = frozenset({"shell", "variables", "exported-variables", "git-credential-helper"})
_PHASE = frozenset({"commands", "finally", "on-failure", "runtime-versions"})
_SHELLS = ("bash", "sh", "/bin/sh")


class InvalidBuildspec(ValueError):
    """What is wrong, naming the key."""


@dataclass(frozen=True)
class Phase:
    """`last` are the `finally` commands; `on_failure` is ABORT, CONTINUE or, where it is not given, None."""

    commands: tuple[str, ...] = ()
    last: tuple[str, ...] = ()
    on_failure: str | None = None


@dataclass(frozen=True)
class Buildspec:
    """`shell` is the program that runs the commands."""

    phases: dict[str, Phase]
    variables: dict[str, str] = field(default_factory=dict)
    shell: str = "sh"


def parse(text: str) -> Buildspec:
    """Raises InvalidBuildspec."""
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InvalidBuildspec(f"the build specification is not YAML: {error}") from error
    document = _mapping(document, "the build specification", _TOP_LEVEL)
    if str(document.get("version")) != "0.2":
        raise InvalidBuildspec(f"version: {document.get('version')!r}: only 0.2 is supported")
    env = _mapping(document.get("env"), "env", _ENV)
    shell = env.get("shell", "sh")
    if shell not in _SHELLS:
        raise InvalidBuildspec(f"env.shell: {shell!r}: one of {', '.join(_SHELLS)} is needed")
    phases = _mapping(document.get("phases"), "phases", frozenset(PHASES))
    if not phases:
        raise InvalidBuildspec("phases: at least one phase is needed")
    variables = _mapping(env.get("variables"), "env.variables", None)
    return Buildspec(
        phases={name: _phase(name, phases[name]) for name in PHASES if name in phases},
        variables={name: str(value) for name, value in variables.items()},
        shell="bash" if shell == "bash" else "sh",
    )


def _phase(name: str, value: Any) -> Phase:
    place = f"phases.{name}"
    phase = _mapping(value, place, _PHASE)
    on_failure = phase.get("on-failure")
    if on_failure not in (None, "ABORT", "CONTINUE"):
        raise InvalidBuildspec(f"{place}.on-failure: {on_failure!r}: ABORT or CONTINUE is needed")
    commands, last = (_commands(phase.get(key), f"{place}.{key}") for key in ("commands", "finally"))
    return Phase(commands, last, on_failure)


def _commands(value: Any, place: str) -> tuple[str, ...]:
    commands = [] if value is None else value
    if not isinstance(commands, list) or not all(isinstance(command, str) for command in commands):
        raise InvalidBuildspec(f"{place}: a list of texts is needed (quote a command that contains ': ')")
    return tuple(commands)


def _mapping(value: Any, place: str, allowed: frozenset[str] | None) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise InvalidBuildspec(f"{place}: a mapping is needed, not {value!r}")
    for key in value:
        if allowed is not None and key not in allowed:
            raise InvalidBuildspec(f"{place}: {key!r} is not supported; known: {', '.join(sorted(allowed))}")
    return value
