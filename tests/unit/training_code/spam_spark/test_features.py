"""Reading what Spark wrote."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from tests.support.container_python import ROOT


@pytest.fixture(scope="module")
def features() -> Iterator[ModuleType]:
    spec = importlib.util.spec_from_file_location("spam_features", ROOT / "training_code/spam_spark/features.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


def write(folder: Path, *parts: str, schema: str = '{"buckets": 4}') -> Path:
    for name, texts in (("schema", [schema]), ("libsvm", parts)):
        (folder / name).mkdir()
        for number, text in enumerate(texts):
            (folder / name / f"part-{number:05}-x.txt").write_text(text, encoding="utf-8")
    (folder / "libsvm/_SUCCESS").touch()
    return folder


def test_several_parts_are_read_in_order(features, tmp_path) -> None:
    read = features.read(write(tmp_path, "0 1:2 4:1\n1\n", "1 2:3\n"))
    assert read.counts.toarray().tolist() == [[2, 0, 0, 1], [0, 0, 0, 0], [0, 3, 0, 0]]
    assert read.labels.tolist() == [0, 1, 1]
    assert read.buckets == 4


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("2 1:1", "line 2: the label is '2'"),
        ("0 5:1", "line 2: '5:1' is not bucket:count"),
        ("0 0:1", "line 2: '0:1' is not bucket:count"),
        ("0 1:x", "line 2: '1:x' is not bucket:count"),
        ("", "line 2: the label is ''"),
    ],
)
def test_a_line_that_is_wrong_is_named(features, tmp_path, line: str, told: str) -> None:
    with pytest.raises(features.InvalidFeatures, match=told):
        features.read(write(tmp_path, f"0 1:1\n{line}\n"))


def test_missing_files_are_told(features, tmp_path) -> None:
    with pytest.raises(features.InvalidFeatures, match="did process"):
        features.read(tmp_path)
    with pytest.raises(features.InvalidFeatures, match="no line of features"):
        features.read(write(tmp_path, ""))


def test_a_schema_without_buckets_is_told(features, tmp_path) -> None:
    with pytest.raises(features.InvalidFeatures, match="part-00000"):
        features.read(write(tmp_path, "0 1:1\n", schema='{"size": 4}'))
