"""`check` and what `train` says of data, by a checker and rules that lie in a bucket, as a deployment's do."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cli import checks, data
from cli.errors import CliError, CommandFailed
from cli.target import Target
from infra.manifest_checks import Checks

CHECKER = Path(__file__).parents[3] / "training_code" / "checks"
BUCKET = "cli-checks"
CHANNELS = {"train": ["*.csv"], "test": ["test.csv"]}
ROWS = {"*.csv": {"format": "csv", "columns": {"size": {"type": "int"}}}}


@pytest.fixture
def bucket(target: Target) -> Iterator[Any]:
    s3 = target.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    yield s3
    for item in s3.list_objects_v2(Bucket=BUCKET).get("Contents", []):
        s3.delete_object(Bucket=BUCKET, Key=item["Key"])
    s3.delete_bucket(Bucket=BUCKET)


@pytest.fixture
def descriptor(bucket: Any, tmp_path: Path) -> dict[str, Any]:
    program = tmp_path / "c0de.zip"
    with zipfile.ZipFile(program, "w") as archive:
        for path in sorted(CHECKER.rglob("*.py")):
            archive.write(path, path.relative_to(CHECKER))
    rules = Checks.model_validate({"channels": {"train": ROWS, "test": ROWS}, "on_bad_file": "quarantine"})
    bucket.upload_file(str(program), BUCKET, "c0de.zip")
    bucket.put_object(Bucket=BUCKET, Key="f00d.json", Body=json.dumps(rules.rules(CHANNELS)).encode())
    uris = {"checker_uri": f"s3://{BUCKET}/c0de.zip", "rules_uri": f"s3://{BUCKET}/f00d.json"}
    return {"name": "sizes", "data": {"channels": CHANNELS}, "checks": uris}


def assigned(folder: Path, files: dict[str, str]) -> data.Assignment:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return data.assign(folder, CHANNELS)


GOOD = {"train/a.csv": "size\n1\n", "train/below/b.csv": "size\n2\n", "test/test.csv": "size\n3\n"}


def test_files_are_checked_as_they_will_lie_in_the_bucket(
    target: Target, descriptor: dict[str, Any], tmp_path: Path
) -> None:
    assignment = assigned(tmp_path / "data", GOOD)
    report = checks.inspect(target, descriptor, assignment)
    assert report is not None
    names = [file["file"] for files in report["channels"].values() for file in files]
    assert names == ["train/a.csv", "train/below/b.csv", "test/test.csv"]
    assert checks.require_accepted(target, descriptor, assignment) == []


def test_bad_files_that_a_run_sets_apart_are_told_with_their_values(
    target: Target, descriptor: dict[str, Any], tmp_path: Path
) -> None:
    assignment = assigned(tmp_path / "data", {**GOOD, "train/a.csv": "size\n1\nbig\n"})
    assert checks.require_accepted(target, descriptor, assignment) == [
        "Accepted: 1 of 3 files are bad.",
        "  train/a.csv, row 3, column size: is not an int ('big')",
    ]


def test_data_that_a_run_would_refuse_are_refused(target: Target, descriptor: dict[str, Any], tmp_path: Path) -> None:
    assignment = assigned(tmp_path / "data", {**GOOD, "test/test.csv": "size\n" + "x\n" * 50})
    with pytest.raises(CliError) as raised:
        checks.require_accepted(target, descriptor, assignment)
    assert raised.value.message.startswith("Refused: 1 of 3 files are bad.\n  test/test.csv, row 2, column size")
    assert raised.value.message.endswith("and 1 more")
    assert "Nothing was uploaded" in raised.value.hint


def test_a_workload_without_checks_has_no_report(target: Target, tmp_path: Path) -> None:
    assert checks.inspect(target, {"checks": None}, assigned(tmp_path, GOOD)) is None


def test_a_checker_that_breaks_is_no_verdict(
    target: Target, bucket: Any, descriptor: dict[str, Any], tmp_path: Path
) -> None:
    bucket.put_object(Bucket=BUCKET, Key="f00d.json", Body=b"{}")
    with pytest.raises(CommandFailed, match="KeyError"):
        checks.inspect(target, descriptor, assigned(tmp_path / "data", GOOD))
