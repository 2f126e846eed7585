"""Dockerfile text -> instructions."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

from localcloud.images.errors import DockerfileError

_DIRECTIVE = re.compile(r"#\s*(?P<name>[a-zA-Z]+)\s*=\s*(?P<value>.*)")
_FLAG = re.compile(r"--(?P<name>[a-z][a-z-]*)(?:=(?P<value>\S+))?(?:\s+|$)")


@dataclass(frozen=True)
class Instruction:
    """`text` is what follows the flags, its continued lines joined; `line` is the first line, counted from 1."""

    path: str
    line: int
    name: str
    flags: tuple[tuple[str, str], ...]
    text: str

    def error(self, reason: str) -> DockerfileError:
        return DockerfileError(self.path, self.line, self.name, reason)

    def exec_form(self) -> tuple[str, ...] | None:
        """The JSON array form (`["python", "-m", "x"]`), or None for the shell form."""
        if not self.text.startswith("["):
            return None
        try:
            words = json.loads(self.text)
        except ValueError:
            return None  # Docker reads it as the shell form too
        return tuple(words) if all(isinstance(word, str) for word in words) else None


def parse(path: Path) -> list[Instruction]:
    """Raises DockerfileError, and OSError where the file cannot be read."""
    lines = path.read_text(encoding="utf-8-sig").splitlines()
    _check_directives(path, lines)
    instructions: list[Instruction] = []
    pending, start = "", 0
    for number, line in enumerate(lines, start=1):
        if line.lstrip().startswith("#") or (not line.strip()):
            continue  # also between the lines of one instruction
        start = start or number
        if line.rstrip().endswith("\\"):
            pending += line.rstrip()[:-1]
            continue
        instructions.append(_instruction(str(path), start, (pending + line).strip()))
        pending, start = "", 0
    if pending.strip():
        instructions.append(_instruction(str(path), start, pending.strip()))
    return instructions


def _check_directives(path: Path, lines: list[str]) -> None:
    for number, line in enumerate(lines, start=1):
        found = _DIRECTIVE.fullmatch(line.strip())
        if not found:
            return
        if found["name"].lower() == "escape" and found["value"].strip() != "\\":
            raise DockerfileError(str(path), number, "escape", "only the backslash is supported as escape character")


def _instruction(path: str, line: int, text: str) -> Instruction:
    name, _, rest = text.partition(" ") if " " in text else text.partition("\t")
    rest = rest.strip()
    flags = []
    while found := _FLAG.match(rest):
        flags.append((found["name"], found["value"] or ""))
        rest = rest[found.end() :]
    instruction = Instruction(path, line, name.upper(), tuple(flags), rest)
    if re.search(r"<<-?[\"']?[A-Za-z_]", rest):
        raise instruction.error("here-documents are not supported; put the text into a file and COPY it")
    return instruction
