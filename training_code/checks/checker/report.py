"""What a check leaves: the report, lists of the good files, copies of the bad ones, and one message."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from checker.channels import Channel
from checker.findings import Finding

REPORTED_FINDINGS = 1_000
MESSAGE_BYTES = 1_000
"""DescribeProcessingJob shows 1 KB of `/opt/ml/output/message`."""


@dataclass(frozen=True)
class Report:
    """`message` begins with `Accepted:` or `Refused:`, which the train machine goes by."""

    channels: Sequence[Channel]
    on_bad_file: str

    @property
    def findings(self) -> list[Finding]:
        """Of files first, in order; then what is wrong with whole channels."""
        of_files = [finding for channel in self.channels for file in channel.files for finding in file.findings]
        return of_files + [problem for channel in self.channels for problem in channel.problems]

    @property
    def accepted(self) -> bool:
        bad = any(not file.good for channel in self.channels for file in channel.files)
        stopped = bad and self.on_bad_file == "stop"
        return not stopped and not any(channel.problems for channel in self.channels)

    @property
    def message(self) -> str:
        files = [file for channel in self.channels for file in channel.files]
        bad = sum(not file.good for file in files)
        verdict = "Accepted" if self.accepted else "Refused"
        parts = [f"{verdict}: {bad} of {len(files)} files are bad."]
        parts += [f"{finding.text()}." for finding in self.findings]
        return _fitting(parts)

    def document(self) -> dict[str, Any]:
        return {
            "verdict": "accepted" if self.accepted else "refused",
            "on_bad_file": self.on_bad_file,
            "channels": {
                channel.name: [
                    {"file": file.name, "bytes": file.bytes, "rows": file.rows, "good": file.good}
                    for file in channel.files
                ]
                for channel in self.channels
            },
            "findings": [finding.document() for finding in self.findings[:REPORTED_FINDINGS]],
            "findings_left_out": max(0, len(self.findings) - REPORTED_FINDINGS),
        }


def _fitting(parts: Sequence[str]) -> str:
    """As many parts as fit into the message, and how many there are more."""
    text = parts[0]
    for number, part in enumerate(parts[1:], start=1):
        left = len(parts) - number
        if len(f"{text} {part}".encode()) > MESSAGE_BYTES - 60:
            return f"{text} And {left} more: see report.json."
        text = f"{text} {part}"
    return text


def write(report: Report, folder: Path) -> None:
    """`report.json` into `folder`."""
    text = json.dumps(report.document(), indent=1, ensure_ascii=False)
    (folder / "report.json").write_text(f"{text}\n", encoding="utf-8")


def write_manifests(report: Report, folder: Path, source: str) -> None:
    """`<channel>.manifest`: the good files as an S3 manifest (S3DataSource, `ManifestFile`), below `source`, the S3 URI
    of the data set.
    """
    for channel in report.channels:
        entries = [{"prefix": f"{source}{channel.name}/"}, *channel.good]
        (folder / f"{channel.name}.manifest").write_text(json.dumps(entries, ensure_ascii=False), encoding="utf-8")


def quarantine(report: Report, data: Path, folder: Path) -> None:
    """Copies the bad files to `folder/<channel>/`."""
    for channel in report.channels:
        for file in channel.files:
            if not file.good:
                target = folder / file.name
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(data / file.name, target)
