"""What Spark makes of messages, beside what serving makes of them without Spark."""

from __future__ import annotations

import importlib.util
import json
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest

from tests.support.container_python import ROOT

BUCKETS = 300


@pytest.fixture(scope="module")
def words() -> ModuleType:
    """The serving folder's text processing."""
    path = ROOT / "inference_code/spam_spark/words.py"
    spec = importlib.util.spec_from_file_location("spam_words", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def lines(folder: Path) -> list[str]:
    (part,) = folder.glob("part-*")
    return part.read_text(encoding="utf-8").split("\n")[:-1]


def expected_line(words: ModuleType, text: str, label: int) -> str:
    counts = words.count(text, BUCKETS)
    return " ".join([str(label), *(f"{bucket + 1}:{counts[bucket]}" for bucket in sorted(counts))])


def held_out_texts(processed) -> list[dict]:
    return [json.loads(line) for line in lines(processed.folder / "holdout/messages")]


def test_every_message_becomes_the_features_that_serving_makes_of_it(processed, words) -> None:
    made = Counter(lines(processed.folder / "train/libsvm") + lines(processed.folder / "validation/libsvm"))
    expected = Counter(
        expected_line(words, text, label)
        for label, kind in enumerate(("ham", "spam"))
        for text in processed.messages[kind]
    )
    assert made == expected


def test_the_features_say_how_many_buckets_there_are(processed) -> None:
    for side in ("train", "validation"):
        (schema,) = lines(processed.folder / side / "schema")
        assert json.loads(schema) == {"buckets": BUCKETS}


def test_the_holdout_is_the_text_of_the_validation_features(processed, words) -> None:
    texts = [expected_line(words, message["text"], message["label"]) for message in held_out_texts(processed)]
    assert texts == lines(processed.folder / "validation/libsvm")


def test_about_a_fifth_is_held_out_and_no_text_lies_on_both_sides(processed, words) -> None:
    held_out = {words.clean(message["text"]) for message in held_out_texts(processed)}
    everything = [text for kind in processed.messages.values() for text in kind]
    chosen = [text for text in everything if words.clean(text) in held_out]
    assert len(chosen) == len(held_out_texts(processed))
    assert 0.1 < len(chosen) / len(everything) < 0.3


def test_the_log_counts_the_messages(processed, words) -> None:
    counts = dict(pair.split("=") for pair in processed.log.split())
    for kind in ("ham", "spam"):
        assert int(counts[f"train_{kind}"]) + int(counts[f"validation_{kind}"]) == len(processed.messages[kind])


@pytest.mark.parametrize(
    ("word", "value"), [("", 142593372), ("a", 1485273170), ("hello", -1008564952), ("the quick", -1437849766)]
)
def test_the_hash_is_sparks(words, word: str, value: int) -> None:
    """Values of `SELECT hash(...)` of Spark 3.5."""
    assert words.murmur3(word) == value
