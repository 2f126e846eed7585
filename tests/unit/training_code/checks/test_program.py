"""The whole checker, as the zip application that a job runs: bad inputs, verdicts, and what it leaves."""

from __future__ import annotations

import ast
import gzip
import io
import json
import resource
import struct
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import pytest

from infra.manifest_checks import Format
from tests.support.container_python import ROOT, container_environment

LIMIT_SECONDS = 120
MEMORY_BYTES = 256 * 2**20
CSV = {
    "format": "csv",
    "columns": {"id": {"type": "int"}, "size": {"type": "float"}, "label": {"type": "str"}},
    "unique": [["id"]],
    "classes": {"column": "label"},
}
IDX = {"format": "idx", "shape": [None, 2]}
NPZ = {"format": "npz", "arrays": {"x": {"type": "uint8"}}}
GOOD_CSV = b"id,size,label\n1,1,a\n2,2,b\n"
GOOD_IDX = b"\0\0\x08\x02" + struct.pack(">2I", 2, 2) + bytes(4)


def npz(member: bytes, *, packed: bool = False) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED) as archive:
        archive.writestr("x.npy", member)
    return file.getvalue()


def npy(descr: str, count: int, data: bytes) -> bytes:
    header = f"{{'descr': {descr!r}, 'fortran_order': False, 'shape': ({count},)}}".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + data


GOOD_NPZ = npz(npy("|u1", 3, b"123"))
ZEROS = 256 * 2**20
BAD_INPUTS: dict[str, tuple[Mapping[str, Any], bytes, bytes, str, str]] = {
    "CSV ragged": (CSV, GOOD_CSV, GOOD_CSV + b"3,3\n", ".csv", "row 4: has 2 fields, expected 3"),
    "CSV empty": (CSV, GOOD_CSV, b"", ".csv", "is empty"),
    "CSV with a byte-order mark": (
        CSV,
        GOOD_CSV,
        b"\xef\xbb\xbf" + GOOD_CSV,
        ".csv",
        "row 1: begins with a byte-order",
    ),
    "CSV of one class": (CSV, GOOD_CSV, b"id,size,label\n1,1,a\n", ".csv", "column label: holds 1 classes"),
    "CSV not UTF-8": (CSV, GOOD_CSV, GOOD_CSV + b"3,3,\xe9\n", ".csv", "row 4: is not utf-8"),
    "CSV with NaN": (CSV, GOOD_CSV, GOOD_CSV + b"3,nan,a\n", ".csv", "row 4, column size: is NaN or infinite"),
    "CSV with duplicate keys": (CSV, GOOD_CSV, GOOD_CSV + b"1,3,a\n", ".csv", "row 4, column id: has a key that"),
    "IDX bad magic": (IDX, GOOD_IDX, b"\1" + GOOD_IDX[1:], ".idx", "is not IDX"),
    "IDX wrong length": (IDX, GOOD_IDX, GOOD_IDX[:-1], ".idx", "holds 3 bytes of numbers"),
    "NPZ of objects": (
        NPZ,
        GOOD_NPZ,
        npz(npy("|O", 1, b"cos\nabort\n(tR.")),
        ".npz",
        "column x: is an array of objects",
    ),
    "gzip bomb": (IDX, gzip.compress(GOOD_IDX), b"", ".gz", "unpacks to more than"),
    "zip bomb": (NPZ, GOOD_NPZ, b"", ".npz", "unpacks to more than"),
}


@pytest.fixture(scope="module")
def bombs() -> dict[str, bytes]:
    """256 MiB of zeros, packed: what they claim to hold would be a whole file."""
    idx = b"\0\0\x08\x02" + struct.pack(">2I", ZEROS // 2, 2) + bytes(ZEROS)
    packed = {"gzip bomb": gzip.compress(idx), "zip bomb": npz(npy("|u1", ZEROS, bytes(ZEROS)), packed=True)}
    assert all(len(content) < 300_000 for content in packed.values())
    return packed


@pytest.fixture(scope="module")
def application(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("application") / "1234.zip"
    folder = ROOT / "training_code" / "checks"
    with zipfile.ZipFile(path, "w") as archive:
        for source in sorted(folder.rglob("*.py")):
            archive.write(source, source.relative_to(folder))
    return path


def run(application: Path, arguments: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, application, *arguments],
        env=container_environment(),
        text=True,
        capture_output=True,
        timeout=LIMIT_SECONDS,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES)),
    )


@pytest.mark.parametrize("on_bad_file", ["stop", "quarantine"])
@pytest.mark.parametrize("case", BAD_INPUTS)
def test_a_bad_file_is_named_and_quarantined_and_the_run_stops_or_goes_on(
    data_set: Any, application: Path, bombs: dict[str, bytes], case: str, on_bad_file: str
) -> None:
    rules, good, bad, suffix, message = BAD_INPUTS[case]
    bad = bombs.get(case, bad)
    data_set.write({f"bad{suffix}": bad, f"deep/good{suffix}": good})
    document = data_set.rules({"*": {**rules, "maximum_rows": 10**9}}, [f"*{suffix}"], on_bad_file=on_bad_file)
    ended = run(application, data_set.arguments(document))

    assert (ended.returncode, ended.stderr) == (0, "")
    verdict = "Refused" if on_bad_file == "stop" else "Accepted"
    told = data_set.message.read_text("utf-8")
    assert told.startswith(f"{verdict}: 1 of 2 files are bad. train/bad{suffix}")
    assert message in told
    assert told in ended.stdout
    report = json.loads((data_set.report / "report.json").read_text("utf-8"))
    assert report["verdict"] == verdict.lower()
    assert [file["good"] for file in report["channels"]["train"]] == [False, True]
    assert data_set.quarantined() == {f"train/bad{suffix}": bad}
    assert data_set.manifest() == [{"prefix": "s3://data/flowers/one/train/"}, f"deep/good{suffix}"]
    assert (data_set.data / "train" / f"bad{suffix}").read_bytes() == bad, "nothing is ever deleted"


def test_good_data_is_accepted(data_set: Any) -> None:
    data_set.write({"one.csv": GOOD_CSV})
    report = data_set.check({"*.csv": CSV}, ["*.csv"])
    assert (report["verdict"], report["findings"]) == ("accepted", [])
    assert data_set.message.read_text("utf-8") == "Accepted: 0 of 1 files are bad."
    assert data_set.quarantined() == {}


@pytest.mark.parametrize(
    ("patterns", "minimum", "text"),
    [
        (["*.csv"], 2, "train: has 1 good files: at least 2 are needed"),
        (["one.csv", "two.csv"], 1, "train/two.csv: has no good file left for this pattern of the manifest"),
    ],
)
def test_too_few_good_files_end_a_run_that_would_go_on(
    data_set: Any, patterns: list[str], minimum: int, text: str
) -> None:
    data_set.write({"one.csv": GOOD_CSV, "two.csv": b"x"})
    rules = {"*.csv": {**CSV, "classes": None, "unique": []}}
    report = data_set.check(rules, patterns, on_bad_file="quarantine", minimum_good_files=minimum)
    assert report["verdict"] == "refused"
    assert text in data_set.message.read_text("utf-8")
    assert list(data_set.quarantined()) == ["train/two.csv"]


def test_a_file_that_fits_no_pattern_is_a_bad_one(data_set: Any) -> None:
    data_set.write({"one.csv": GOOD_CSV, "notes.txt": b"x"})
    report = data_set.check({"*.csv": CSV}, ["*.csv"], on_bad_file="quarantine")
    assert [(finding["file"], finding["rule"]) for finding in report["findings"]] == [("train/notes.txt", "files")]
    assert report["verdict"] == "accepted"


def test_the_first_pattern_that_fits_decides(data_set: Any) -> None:
    data_set.write({"one.csv": GOOD_CSV, "raw.csv": b"\0"})
    assert data_set.check({"raw*": {"format": "any"}, "*": CSV}, ["*.csv"])["verdict"] == "accepted"


@pytest.mark.parametrize(("rows", "verdict"), [(2, "accepted"), (3, "refused")])
def test_files_that_belong_together_have_as_many_rows(data_set: Any, rows: int, verdict: str) -> None:
    labels = b"\0\0\x08\x01" + struct.pack(">I", rows) + bytes(rows)
    data_set.write({"images": GOOD_IDX, "labels": labels})
    rules = {"images": {**IDX, "same_rows_as": "labels"}, "labels": {"format": "idx", "shape": [None]}}
    report = data_set.check(rules, ["images", "labels"])
    assert report["verdict"] == verdict
    if verdict == "refused":
        assert report["findings"][0]["message"] == "has 2 rows, labels has 3"


def test_a_file_whose_fellow_is_missing_is_bad(data_set: Any) -> None:
    data_set.write({"images": GOOD_IDX})
    report = data_set.check({"images": {**IDX, "same_rows_as": "labels"}}, ["images"])
    assert report["findings"][0]["message"] == "needs the file labels, which is not there"


def test_classes_that_are_folders(data_set: Any) -> None:
    rules = {"*.txt": {"format": "any", "class_folders": {"minimum": 2, "minimum_files": 2}}}
    data_set.write({"up/1.txt": b"x", "up/2.txt": b"x", "down/1.txt": b"x", "down/2.txt": b""})
    report = data_set.check(rules, ["*.txt"], on_bad_file="quarantine")
    assert report["verdict"] == "refused", "the class has too few files once the bad one is gone"
    assert report["findings"][-1]["message"] == "has 1 good files: each class needs at least 2"
    data_set.write({"down/2.txt": b"x"})
    assert data_set.check(rules, ["*.txt"])["verdict"] == "accepted"


def test_the_message_fits_and_says_what_is_left_out(data_set: Any) -> None:
    data_set.write({f"{'long-name-' * 5}{number}.csv": b"id,size,label\n" + b"x,y,z\n" * 30 for number in range(20)})
    report = data_set.check({"*": CSV}, ["*.csv"])
    told = data_set.message.read_bytes()
    assert len(told) <= 1024
    assert told.endswith(b"more: see report.json.")
    assert len(report["findings"]) == 20 * 20 + 1


def test_a_name_cannot_forge_a_line_of_a_log(data_set: Any) -> None:
    data_set.write({"a\nAccepted: all is well.csv": b""})
    data_set.check({"*": CSV}, ["*.csv"])
    assert "\n" not in data_set.message.read_text("utf-8")


def test_the_checker_runs_on_python_3_9() -> None:
    """Its syntax, and that it imports the standard library and itself only."""
    for path in sorted((ROOT / "training_code" / "checks").rglob("*.py")):
        tree = ast.parse(path.read_text("utf-8"), feature_version=(3, 9))
        imported = [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
        imported += [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
        tops = {(name or "").split(".")[0] for name in imported}
        assert tops <= sys.stdlib_module_names | {"checker"}, path


def test_every_format_of_the_manifest_has_a_function() -> None:
    from checker.formats import MODULES, _function

    classes = get_args(get_args(Format)[0])
    formats = {get_args(kind.model_fields["format"].annotation)[0] for kind in classes}
    assert set(MODULES) == formats
    assert all(callable(_function(name)) for name in formats)
