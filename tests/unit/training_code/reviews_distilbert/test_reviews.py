"""Reading reviews, and what the folders agree on."""

from __future__ import annotations

import importlib.util
import json
import re
from types import ModuleType

import pytest

from infra.workloads import CodeRoots, find_workloads
from tests.support.container_python import ROOT

FOLDER = ROOT / "training_code/reviews_distilbert"


@pytest.fixture(scope="module")
def reviews() -> ModuleType:
    spec = importlib.util.spec_from_file_location("reviews_of_products", FOLDER / "shared/reviews.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_four_stars_are_positive_and_labels_are_taken_as_they_are(reviews, tmp_path) -> None:
    lines = [{"text": str(stars), "stars": stars} for stars in range(1, 6)]
    (tmp_path / "train-1.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    (tmp_path / "train-2.jsonl").write_text('{"text": "ü", "label": 1}\n{"text": "", "label": 0}\n')
    (tmp_path / "other.jsonl").write_text("not read")
    texts, labels = reviews.read(tmp_path, "train*.jsonl")
    assert texts == ["1", "2", "3", "4", "5", "ü", ""]
    assert labels == [0, 0, 0, 1, 1, 1, 0]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("not JSON", "JSONDecodeError"),
        ("[]", "TypeError"),
        ('{"stars": 5}', "KeyError"),
        ('{"text": 5, "stars": 5}', "text is 5"),
        ('{"text": "a", "stars": 6}', "stars is 6; expected a whole number from 1 to 5"),
        ('{"text": "a", "stars": 4.5}', "stars is 4.5"),
        ('{"text": "a", "label": true}', "label is True"),
        ('{"text": "a"}', "KeyError"),
    ],
)
def test_a_line_that_is_no_review_is_told(reviews, tmp_path, line: str, told: str) -> None:
    (tmp_path / "test.jsonl").write_text(f'{{"text": "a", "stars": 1}}\n{line}\n')
    with pytest.raises(reviews.InvalidReviews, match=rf"test\.jsonl line 2: .*{re.escape(told)}"):
        reviews.read(tmp_path, "test*.jsonl")


def test_no_reviews_are_told(reviews, tmp_path) -> None:
    with pytest.raises(reviews.InvalidReviews, match="no review in files"):
        reviews.read(tmp_path, "train*.jsonl")


def test_training_and_serving_split_words_by_the_same_version() -> None:
    def version(folder: str) -> str:
        text = (ROOT / folder / "reviews_distilbert/requirements.txt").read_text()
        return re.search(r"^tokenizers==(\S+)", text, re.MULTILINE).group(1)

    assert version("training_code") == version("inference_code")


def test_the_manifests_defaults_are_those_of_the_script() -> None:
    roots = CodeRoots(training=ROOT / "training_code", inference=ROOT / "inference_code")
    workload = next(found for found in find_workloads(roots) if found.name == "reviews_distilbert")
    spec = importlib.util.spec_from_file_location("reviews_train", FOLDER / "train.py")
    train = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(train)
    folders = [f"--{name}=x" for name in ("train", "test", "pretrained", "model-dir")]
    defaults = vars(train.parse(folders))
    declared = {name: given.default for name, given in workload.manifest.training.hyperparameters.items()}
    assert declared == {name: defaults[name] for name in declared}
