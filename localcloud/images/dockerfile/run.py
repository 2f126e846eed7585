"""RUN: what of it can be done without an engine."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from localcloud.images import requirement_files
from localcloud.images.dockerfile import compiling, shell
from localcloud.images.dockerfile.copying import ImageTree
from localcloud.images.dockerfile.parser import Instruction
from localcloud.images.dockerfile.substitution import substitute
from localcloud.images.environments import Environment
from localcloud.images.errors import InvalidRequirements

_PACKAGE_MANAGERS = frozenset({"apt-get", "apt", "yum", "dnf", "microdnf", "apk", "conda"})
_ACCOUNTS = frozenset({"useradd", "adduser", "groupadd", "addgroup"})
_INSTALLERS = (["pip", "install"], ["pip3", "install"], ["uv", "pip", "install"])
# Options that change how an installer works, not what it installs: without a value / with one.
_IGNORED = frozenset(
    {"--no-cache-dir", "--no-cache", "--quiet", "-q", "-qq", "--upgrade", "-U", "--disable-pip-version-check"}
    | {"--no-input", "--prefer-binary", "--system", "--no-warn-script-location", "--compile", "--no-compile"}
    | {"--compile-bytecode", "--break-system-packages", "--no-progress"}
)
_IGNORED_WITH_VALUE = frozenset(
    {"--progress-bar", "--root-user-action", "--timeout", "--retries", "--python", "-p", "--link-mode"}
)
# Options that a requirement file may hold as well, and is passed on as such.
_SOURCES = {"-i": "--index-url", "--index-url": "--index-url", "--extra-index-url": "--extra-index-url"}
_SOURCES |= {"-f": "--find-links", "--find-links": "--find-links"}


@dataclass
class RunContext:
    """What a RUN acts on: the image's tree and packages so far."""

    tree: ImageTree
    workdir: str
    variables: Mapping[str, str]
    packages: Environment
    log: Callable[[str], None]


def run(instruction: Instruction, context: RunContext) -> Environment:
    """Performs one RUN; returns the environment after it. Raises DockerfileError."""
    for name, value in instruction.flags:
        if name != "mount" or "type=cache" not in value:
            raise instruction.error(f"--{name}={value} is not supported; only --mount=type=cache is (and ignored)")
    try:
        words = instruction.exec_form()
        commands = [list(words)] if words else shell.commands(substitute(instruction.text, context.variables))
        for command in commands:
            _perform(command, context)
    except ValueError as error:
        raise instruction.error(str(error)) from error
    return context.packages


def _perform(command: list[str], context: RunContext) -> None:
    name = PurePosixPath(command[0]).name
    arguments = _installer_arguments(command)
    if arguments is not None:
        context.packages = _install(arguments, context)
    elif (words := compiling.arguments(command)) is not None:
        compiling.compile_all(words, context.tree, context.workdir, context.packages.python)
    elif name == "chmod":
        _change_mode(command[1:], context)
    elif name == "mkdir":
        for path in (word for word in command[1:] if not word.startswith("-")):
            context.tree.host(path, context.workdir).mkdir(parents=True, exist_ok=True)
    elif name in _ACCOUNTS:
        context.log(f" note: {' '.join(command)}: skipped; a container runs as the user who runs the embedded cloud")
    elif name in _PACKAGE_MANAGERS:
        raise ValueError(
            f"{' '.join(command)!r}: the embedded cloud cannot install system packages: an image there is a Python"
            " environment on this machine's own system. Take a Python package that brings its libraries, or install"
            " the package on this machine and keep this line in a Dockerfile for AWS only"
        )
    else:
        raise ValueError(
            f"cannot run {' '.join(command)!r} without a container engine; supported: pip install,"
            " python -m compileall, chmod, mkdir, useradd, joined by &&. Do it before the build, and COPY the result"
        )


def _installer_arguments(command: list[str]) -> list[str] | None:
    words = list(command)
    if re.fullmatch(r"python3?(\.\d+)?", PurePosixPath(words[0]).name) and words[1:2] == ["-m"]:
        words = words[2:]
    for installer in _INSTALLERS:
        if [PurePosixPath(words[0]).name, *words[1:]][: len(installer)] == installer:
            return words[len(installer) :]
    return None


def _install(arguments: list[str], context: RunContext) -> Environment:
    lines: list[str] = []
    files: list[str] = []
    words = iter(_split_options(arguments))
    for word in words:
        if word in ("-r", "--requirement", "--requirements"):
            files.append(_value(word, words))
        elif word in _SOURCES:
            lines.append(f"{_SOURCES[word]} {_value(word, words)}")
        elif word in _IGNORED_WITH_VALUE:
            _value(word, words)
        elif word in _IGNORED:
            continue
        elif word.startswith("-"):
            raise ValueError(f"the option {word} of pip install is not supported in the embedded cloud")
        else:
            lines.append(requirement_files.check(word, place="pip install"))
    lines += requirement_files.read([context.tree.host(file, context.workdir) for file in files])
    if not any(not line.startswith("-") for line in lines) and not files:
        raise ValueError("pip install names nothing to install")
    source = " ".join(["pip install", *(f"-r {file}" for file in files)])
    return context.packages.with_requirements(lines, source=source)


def _split_options(arguments: list[str]) -> list[str]:
    """`--name=value` and `-rfile` as two words."""
    words: list[str] = []
    for word in arguments:
        if found := re.fullmatch(r"(--[a-z-]+)=(.*)", word) or re.fullmatch(r"(-[rif])(.+)", word):
            words += found.groups()
        else:
            words.append(word)
    return words


def _value(option: str, words: Iterator[str]) -> str:
    value = next(words, None)
    if value is None:
        raise InvalidRequirements(f"pip install: the option {option} needs a value")
    return value


def _change_mode(arguments: list[str], context: RunContext) -> None:
    words = [word for word in arguments if word not in ("-R", "--recursive")]
    recursive = len(words) != len(arguments)
    if len(words) < 2:
        raise ValueError("chmod needs a mode and a file")
    change, paths = words[0], words[1:]
    for path in paths:
        host = context.tree.host(path, context.workdir)
        if not host.exists():
            raise ValueError(f"chmod {change} {path}: this Dockerfile has copied no such file")
        for entry in [host, *(host.rglob("*") if recursive else ())]:
            # Copies, not links: the image below keeps its own modes.
            entry.chmod(_mode(entry.stat().st_mode & 0o777, change))


def _mode(current: int, change: str) -> int:
    if re.fullmatch(r"[0-7]{3,4}", change):
        return int(change, 8) & 0o777
    found = re.fullmatch(r"(?P<who>[ugoa]*)(?P<sign>[+-])(?P<what>[rwx]+)", change)
    if not found:
        raise ValueError(f"chmod {change}: give an octal mode, or one such as +x or u+rw")
    who = "ugo" if not found["who"] or "a" in found["who"] else found["who"]
    bits = 0
    for person in who:
        for permission in found["what"]:
            bits |= {"r": 4, "w": 2, "x": 1}[permission] << {"u": 6, "g": 3, "o": 0}[person]
    return current | bits if found["sign"] == "+" else current & ~bits
