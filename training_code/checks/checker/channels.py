"""A channel: which rules are whose, and what can be said of its files only together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from checker.findings import Finding
from checker.formats import Checked, check_file
from checker.streams import File


@dataclass
class Channel:
    """`problems` are those of the channel as a whole: they end the run whatever is done with bad files."""

    name: str
    files: list[Checked]
    problems: list[Finding] = field(default_factory=list)

    @property
    def good(self) -> list[str]:
        """Paths below the channel."""
        return [file.name.split("/", 1)[1] for file in self.files if file.good]


def check_channel(name: str, folder: Path, document: Mapping[str, Any]) -> Channel:
    """Reads every file below `folder`; `document` is what the manifest's `Checks.rules()` gives."""
    patterns: Mapping[str, Mapping[str, Any]] = document["channels"][name]
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    channel = Channel(name, [_check(name, file, folder, patterns) for file in names])
    _compare_rows(channel, patterns)
    _check_class_folders(channel, patterns)
    _check_completeness(channel, document["patterns"][name], document["minimum_good_files"])
    return channel


def _pattern_of(file: str, patterns: Mapping[str, Any]) -> str | None:
    return next((pattern for pattern in patterns if fnmatchcase(file, pattern)), None)


def _check(channel: str, file: str, folder: Path, patterns: Mapping[str, Any]) -> Checked:
    pattern, path = _pattern_of(file, patterns), folder / file
    if pattern is None:
        message = f"fits none of the file patterns of this channel's checks: {', '.join(patterns)}"
        return Checked(f"{channel}/{file}", path.stat().st_size, None, [Finding(f"{channel}/{file}", "files", message)])
    return check_file(File(name=f"{channel}/{file}", path=path, rules=dict(patterns[pattern])))


def _compare_rows(channel: Channel, patterns: Mapping[str, Any]) -> None:
    rows = {file.name: file.rows for file in channel.files}
    for file in channel.files:
        pattern = _pattern_of(file.name.split("/", 1)[1], patterns)
        other = patterns[pattern].get("same_rows_as") if pattern else None
        if other is None:
            continue
        known, count = f"{channel.name}/{other}", file.rows
        if known not in rows:
            file.findings.append(Finding(file.name, "same_rows_as", f"needs the file {other}, which is not there"))
        elif count is not None and rows[known] is not None and rows[known] != count:
            message = f"has {count} rows, {other} has {rows[known]}"
            file.findings.append(Finding(file.name, "same_rows_as", message))


def _check_class_folders(channel: Channel, patterns: Mapping[str, Any]) -> None:
    for pattern, rules in patterns.items():
        wanted = rules.get("class_folders")
        if wanted is None:
            continue
        files = [Path(file) for file in channel.good if _pattern_of(file, patterns) == pattern]
        counts = Counter(file.parent.name for file in files)
        if len(counts) < wanted["minimum"]:
            message = f"has good files of {len(counts)} classes: at least {wanted['minimum']} are needed"
            channel.problems.append(Finding(f"{channel.name}/{pattern}", "class_folders", message))
        for label, count in sorted(counts.items()):
            if count < wanted["minimum_files"]:
                message = f"has {count} good files: each class needs at least {wanted['minimum_files']}"
                channel.problems.append(Finding(f"{channel.name}/{label}", "class_folders", message))


def _check_completeness(channel: Channel, patterns: Sequence[str], minimum: int) -> None:
    good = channel.good
    if len(good) < minimum:
        message = f"has {len(good)} good files: at least {minimum} are needed"
        channel.problems.append(Finding(channel.name, "minimum_good_files", message))
        return
    for pattern in patterns:
        if not any(fnmatchcase(file, pattern) for file in good):
            message = "has no good file left for this pattern of the manifest"
            channel.problems.append(Finding(f"{channel.name}/{pattern}", "minimum_good_files", message))
