"""The checker on a data set in a temporary folder, by rules as a manifest's model hands them on."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from infra.manifest_checks import Checks
from tests.support.container_python import ROOT

CHECKS = ROOT / "training_code" / "checks"
sys.path.insert(0, str(CHECKS))  # as in the zip, where the package `checker` lies at the top

Files = Mapping[str, bytes]


class DataSet:
    """Files of channel `train`, and what the checker leaves."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.data, self.report, self.quarantine = root / "data", root / "report", root / "quarantine"
        self.message = root / "message"

    def write(self, files: Files) -> None:
        for name, content in files.items():
            path = self.data / "train" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

    def rules(self, rules: Mapping[str, Mapping[str, Any]], patterns: list[str], **others: Any) -> Path:
        checks = Checks.model_validate({"channels": {"train": rules}, **others})
        path = self.root / "rules.json"
        path.write_text(json.dumps(checks.rules({"train": patterns})))
        return path

    def arguments(self, rules: Path) -> list[str]:
        options = {"rules": rules, "data": self.data, "report": self.report, "quarantine": self.quarantine}
        named = [f"--{name}={value}" for name, value in options.items()]
        return [*named, f"--message={self.message}", "--source=s3://data/flowers/one/"]

    def check(self, rules: Mapping[str, Mapping[str, Any]], patterns: list[str], **others: Any) -> dict[str, Any]:
        """The report of a check in this process."""
        from checker.program import main

        assert main(self.arguments(self.rules(rules, patterns, **others))) == 0
        return json.loads((self.report / "report.json").read_text("utf-8"))

    def quarantined(self) -> dict[str, bytes]:
        files = (path for path in self.quarantine.rglob("*") if path.is_file())
        return {path.relative_to(self.quarantine).as_posix(): path.read_bytes() for path in files}

    def manifest(self) -> list[Any]:
        return json.loads((self.report / "train.manifest").read_text("utf-8"))


@pytest.fixture
def data_set(tmp_path: Path) -> DataSet:
    return DataSet(tmp_path)


@pytest.fixture
def findings_of(data_set: DataSet) -> Callable[..., list[dict[str, Any]]]:
    """Findings of one file's content under the rules of a format."""

    def check(content: bytes, *, name: str = "file", **rules: Any) -> list[dict[str, Any]]:
        data_set.write({name: content})
        findings = data_set.check({"*": rules}, ["*"])["findings"]
        return [finding for finding in findings if finding["file"] == f"train/{name}"]

    return check
