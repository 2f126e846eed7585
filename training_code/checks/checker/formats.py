"""Format -> what checks a file of it, and the checks that hold for every format."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from checker.findings import BadFile, Enough, Finding, Findings
from checker.idx import check_idx
from checker.images import check_image
from checker.npz import check_npz
from checker.parquet import check_parquet
from checker.streams import File, skip_all
from checker.tables import check_csv, check_json, check_jsonl, check_libsvm, check_text
from checker.videos import check_video


def check_any(file: File, findings: Findings) -> None:
    with file.open() as stream:
        skip_all(stream)


FORMATS: dict[str, Callable[[File, Findings], int | None]] = {
    "any": check_any,
    "csv": check_csv,
    "idx": check_idx,
    "image": check_image,
    "json": check_json,
    "jsonl": check_jsonl,
    "libsvm": check_libsvm,
    "npz": check_npz,
    "parquet": check_parquet,
    "text": check_text,
    "video": check_video,
}
"""Each gives the number of rows, None where there are none to count."""


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
        rows = FORMATS[file.rules["format"]](file, findings)
    except BadFile as bad:
        _add_last(findings, bad)
    except Enough:
        pass  # the file is bad, and the first findings say why
    return Checked(name=file.name, bytes=file.size, rows=rows, findings=findings.all)


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
