"""The build context: the folder that COPY reads from, less what .dockerignore names."""

from __future__ import annotations

import re
from pathlib import Path

_WILDCARD = re.compile(r"[*?\[]")


class BuildContext:
    """Paths are given relative to the context; nothing outside of it can be reached, not by `..` nor by a link."""

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise ValueError(f"build context {str(folder)!r} is not a folder")
        self.folder = folder.resolve()
        self._ignored = _read_ignore_file(self.folder / ".dockerignore")

    def sources(self, pattern: str) -> list[Path]:
        """The context's entries that COPY's source means, sorted. A pattern may mean none, as BuildKit has it; raises
        ValueError where a name does.
        """
        relative = pattern.lstrip("/").rstrip("/") or "."
        if ".." in Path(relative).parts:
            raise ValueError(f"source {pattern!r} lies outside of the build context")
        found = [self.folder] if relative == "." else sorted(self.folder.glob(relative))
        kept = [path for path in found if path.is_dir() or not self.ignores(path)]
        if not kept and not _WILDCARD.search(relative):
            hint = " (.dockerignore leaves it out)" if found else ""
            raise ValueError(f"source {pattern!r} is not in the build context {self.folder}{hint}")
        return kept

    def files(self, source: Path) -> list[Path]:
        """The files at or below a source. Raises ValueError for a link that leads out of the context."""
        candidates = sorted(source.rglob("*")) if source.is_dir() else [source]
        files = [path for path in candidates if path.is_file() and not self.ignores(path)]
        for path in files:
            if not path.resolve().is_relative_to(self.folder):
                raise ValueError(f"{path.relative_to(self.folder)} is a link that leads out of the build context")
        return files

    def ignores(self, path: Path) -> bool:
        """Whether .dockerignore leaves the path out: the last rule that matches it, or a folder above, decides."""
        relative = path.relative_to(self.folder).as_posix()
        ignored = False
        for pattern, keeps in self._ignored:
            if pattern.match(relative):
                ignored = not keeps
        return ignored


def _read_ignore_file(path: Path) -> list[tuple[re.Pattern[str], bool]]:
    if not path.is_file():
        return []
    lines = (line.strip() for line in path.read_text(encoding="utf-8").splitlines())
    rules = [line for line in lines if line and not line.startswith("#")]
    return [(_pattern(rule.removeprefix("!").strip("/")), rule.startswith("!")) for rule in rules]


def _pattern(rule: str) -> re.Pattern[str]:
    """`**` matches any number of folders, `*` and `?` stay within a name; what matches a folder matches all below."""
    translated = re.escape(rule)
    for escaped, expression in ((r"\*\*/", "(?:.*/)?"), (r"\*\*", ".*"), (r"\*", "[^/]*"), (r"\?", "[^/]")):
        translated = translated.replace(escaped, expression)
    return re.compile(rf"{translated}(?:/.*)?\Z", re.DOTALL)
