"""The instructions of a Dockerfile, one after another, on a file tree, a configuration and an environment."""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from localcloud.images.dockerfile import copying, run
from localcloud.images.dockerfile.context import BuildContext
from localcloud.images.dockerfile.copying import ImageTree
from localcloud.images.dockerfile.parser import Instruction, parse
from localcloud.images.dockerfile.substitution import substitute
from localcloud.images.environments import Environment
from localcloud.images.errors import DockerfileError
from localcloud.images.placement import PROGRAM_FOLDERS
from localcloud.images.store import ImageConfig

_WITHOUT_EFFECT = frozenset({"EXPOSE", "LABEL", "USER", "HEALTHCHECK", "STOPSIGNAL"})
_HINTS = {
    "ADD": "use COPY; fetch and unpack archives before the build",
    "SHELL": "RUN's commands need no shell here",
    "ONBUILD": "write the instruction where it is to run",
    "VOLUME": "SageMaker ignores volumes; leave the line out",
}


@dataclass(frozen=True)
class Base:
    """What FROM found: a configuration, its environment, and what copies its files into a new tree."""

    config: ImageConfig
    packages: Environment
    unpack: Callable[[Path], None]


@dataclass
class Builder:
    """One build.

    Attributes:
        tree: an empty tree, filled by the build.
        find: resolves FROM; raises LookupError with what to do.
        log: takes one line of progress.
    """

    context: BuildContext
    tree: ImageTree
    build_args: Mapping[str, str]
    find: Callable[[str], Base]
    log: Callable[[str], None]
    config: ImageConfig = field(default_factory=ImageConfig, init=False)
    _packages: Environment | None = field(default=None, init=False)
    _global_args: dict[str, str] = field(default_factory=dict, init=False)
    _args: dict[str, str] = field(default_factory=dict, init=False)
    _declared: set[str] = field(default_factory=set, init=False)

    def build(self, dockerfile: Path) -> ImageConfig:
        """Raises DockerfileError, EnvironmentBuildFailed."""
        instructions = parse(dockerfile)
        if not any(instruction.name == "FROM" for instruction in instructions):
            raise DockerfileError(str(dockerfile), 1, "FROM", "a Dockerfile starts with FROM; there is none")
        for number, instruction in enumerate(instructions, start=1):
            self.log(f"Step {number}/{len(instructions)} : {instruction.name} {instruction.text}")
            self._perform(instruction)
        for name in sorted(set(self.build_args) - self._declared):
            self.log(f"[Warning] the build argument {name!r} was not consumed: no ARG {name} in {dockerfile.name}")
        return self.config

    def _perform(self, instruction: Instruction) -> None:
        if instruction.name == "ARG":
            return self._arg(instruction)
        if instruction.name == "FROM":
            return self._from(instruction)
        if self._packages is None:
            raise instruction.error("only ARG may come before FROM")
        if instruction.name in _WITHOUT_EFFECT:
            return None
        handler = getattr(self, f"_{instruction.name.lower()}", None) if instruction.name in _HANDLED else None
        if handler is None:
            hint = _HINTS.get(instruction.name, f"supported: {', '.join(sorted(_HANDLED | _WITHOUT_EFFECT))}")
            raise instruction.error(f"not supported by the embedded cloud; {hint}")
        return handler(instruction)

    def _arg(self, instruction: Instruction) -> None:
        for word in shlex.split(self._substituted(instruction)):
            name, has_default, default = word.partition("=")
            self._declared.add(name)
            scope = self._global_args if self._packages is None else self._args
            if name in self.build_args:
                scope[name] = self.build_args[name]
            elif has_default:
                scope[name] = default
            elif name in self._global_args:
                scope[name] = self._global_args[name]

    def _from(self, instruction: Instruction) -> None:
        if self._packages is not None:
            raise instruction.error("a second stage cannot be built without a container engine; use one stage")
        words = [word for word in self._substituted(instruction).split() if word]
        if not words or (len(words) > 1 and words[1].upper() != "AS"):
            raise instruction.error("give one image: FROM <image> [AS <name>]")
        try:
            base = self.find(words[0])
        except (LookupError, ValueError) as error:
            raise instruction.error(str(error)) from error
        for note in base.config.notes:
            self.log(f" note: {note}")
        base.unpack(self.tree.rootfs)
        self.config, self._packages = base.config, base.packages

    def _env(self, instruction: Instruction) -> None:
        text = self._substituted(instruction)
        first = text.split(maxsplit=1)
        if len(first) == 2 and "=" not in first[0]:
            values = {first[0]: first[1].strip()}  # the old form: ENV NAME the rest of the line
        else:
            words = shlex.split(text)
            if not words or not all("=" in word.lstrip("=") for word in words):
                raise instruction.error(f"cannot read {text!r}; write NAME=value")
            values = dict(word.split("=", 1) for word in words)
        if "PATH" in values:
            entries = [entry for entry in values.pop("PATH").split(":") if entry and entry not in PROGRAM_FOLDERS]
            self.config = replace(self.config, path=tuple(entries))
        self.config = replace(self.config, environment={**self.config.environment, **values})

    def _workdir(self, instruction: Instruction) -> None:
        folder = self._substituted(instruction).strip().strip("\"'")
        if not folder:
            raise instruction.error("needs a folder")
        self.config = replace(self.config, workdir=posixpath.normpath(posixpath.join(self._folder, folder)))
        self.tree.host(self._folder).mkdir(parents=True, exist_ok=True)

    def _copy(self, instruction: Instruction) -> None:
        copied = copying.copy(instruction, self._substituted(instruction), self.tree, self.context, self._folder)
        self.log(f" copied {copied} file{'' if copied == 1 else 's'}")

    def _run(self, instruction: Instruction) -> None:
        assert self._packages is not None  # noqa: S101  (_perform has seen FROM)
        context = run.RunContext(self.tree, self._folder, self._variables, self._packages, self.log)
        self._packages = run.run(instruction, context)
        self.config = replace(self.config, layers=self._packages.layers)

    def _entrypoint(self, instruction: Instruction) -> None:
        # Docker forgets the CMD of the image below when ENTRYPOINT is set.
        self.config = replace(self.config, entrypoint=_argv(instruction), command=())

    def _cmd(self, instruction: Instruction) -> None:
        self.config = replace(self.config, command=_argv(instruction))

    @property
    def _folder(self) -> str:
        return self.config.workdir or "/"

    @property
    def _variables(self) -> dict[str, str]:
        if self._packages is None:
            return self._global_args
        path = ":".join([*self.config.path, *PROGRAM_FOLDERS])
        return {**self._args, "PATH": path, **self.config.environment}

    def _substituted(self, instruction: Instruction) -> str:
        try:
            return substitute(instruction.text, self._variables)
        except ValueError as error:
            raise instruction.error(str(error)) from error


_HANDLED = frozenset({"ARG", "FROM", "ENV", "WORKDIR", "COPY", "RUN", "ENTRYPOINT", "CMD"})


def _argv(instruction: Instruction) -> tuple[str, ...]:
    words = instruction.exec_form()
    return words if words is not None else ("/bin/sh", "-c", instruction.text)
