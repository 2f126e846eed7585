"""Format -> what checks a file of it, and the checks that hold for every format."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass

from checker.findings import BadFile, Enough, Finding, Findings
from checker.streams import File, skip_all


def check_any(file: File, findings: Findings) -> None:
    with file.open() as stream:
        skip_all(stream)


MODULES = {
    "any": "formats",
    "csv": "tables",
    "idx": "idx",
    "image": "images",
    "json": "tables",
    "jsonl": "tables",
    "libsvm": "tables",
    "npz": "npz",
    "parquet": "parquet",
    "text": "tables",
    "video": "videos",
}
"""Where each format's `check_{format}(file, findings)` is, which gives the number of rows, None where there are none to
count. Imported when a file has the format: a check waits for nothing that it does not need.
"""


@dataclass
class Checked:
    """A file that was read. `rows` is None where its format has none, or where it could not be read to the end."""

    name: str
    bytes: int
    rows: int | None
    findings: list[Finding]

    @property
    def good(self) -> bool:
        return not self.findings


def check_file(file: File) -> Checked:
    """Everything that can be said of one file by itself."""
    findings, rows = Findings(file.name), None
    try:
        _check_size(file)
        rows = _function(file.rules["format"])(file, findings)
    except BadFile as bad:
        _add_last(findings, bad)
    except Enough:
        pass  # the file is bad, and the first findings say why
    return Checked(name=file.name, bytes=file.size, rows=rows, findings=findings.all)


def _function(file_format: str) -> Callable[[File, Findings], int | None]:
    return getattr(importlib.import_module(f"checker.{MODULES[file_format]}"), f"check_{file_format}")


def _add_last(findings: Findings, bad: BadFile) -> None:
    try:
        findings.add(bad.rule, bad.message, **bad.place)
    except Enough:
        return  # it was the last one that there is room for, and it is in


def _check_size(file: File) -> None:
    least, most = file.rules["minimum_bytes"], file.rules["maximum_bytes"]
    if file.size < least:
        raise BadFile("minimum_bytes", "is empty" if file.size == 0 else f"has {file.size} bytes, fewer than {least}")
    if file.size > most:
        raise BadFile("maximum_bytes", f"has {file.size} bytes, more than {most}")
