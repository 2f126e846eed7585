import json
import math
from typing import Any

import pytest
from decide_gate.evaluation import InvalidEvaluation, parse
from hypothesis import given
from hypothesis import strategies as st


def document(**members: Any) -> bytes:
    return json.dumps({"challenger": {"metrics": {"accuracy": 0.98}}, "champion": None, **members}).encode()


def test_challenger_and_champion_are_read() -> None:
    found = parse(document(champion={"metrics": {"accuracy": 0.97, "examples": 360}}), metric="accuracy")
    assert found.champion is not None
    assert (found.challenger.value, found.champion.value) == (0.98, 0.97)
    assert found.champion.metrics == {"accuracy": 0.97, "examples": 360}


def test_the_first_model_has_no_champion() -> None:
    assert parse(document(), metric="accuracy").champion is None


def test_a_challenger_that_diverged_is_read_so_that_the_gate_can_reject_it() -> None:
    challenger = parse(document(challenger={"metrics": {"accuracy": math.nan}}), metric="accuracy").challenger
    assert challenger.value is not None and math.isnan(challenger.value)


@pytest.mark.parametrize(
    ("champion", "error"),
    [
        ({"error": "model.onnx is missing"}, "model.onnx is missing"),
        ({"metrics": {}}, "champion.metrics lacks the gate's metric 'accuracy'"),
        ({"metrics": {"accuracy": "high"}}, "champion.metrics.accuracy must be a number, found str"),
        ({"metrics": {"accuracy": math.nan}}, "champion's accuracy is nan"),
        ("broken", "champion.metrics must be an object"),
    ],
)
def test_a_broken_champion_is_kept_as_an_error_and_has_no_value(champion: Any, error: str) -> None:
    found = parse(document(champion=champion), metric="accuracy").champion
    assert found is not None and found.value is None
    assert error in str(found.error)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not JSON"),
        (b"\xff", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "must be an object with the key 'challenger'"),
        (b"{}", "must be an object with the key 'challenger'"),
        (b'{"challenger": null}', "challenger.metrics must be an object"),
        (
            b'{"challenger": {"metrics": {"f1": 1, "loss": 2}}}',
            "lacks the gate's metric 'accuracy'; measured: f1, loss",
        ),
        (
            b'{"challenger": {"metrics": {"accuracy": true}}}',
            "challenger.metrics.accuracy must be a number, found bool",
        ),
        (b'{"challenger": {"metrics": {"accuracy": 1' + b"0" * 400 + b"}}}", "accuracy is beyond every float"),
        (b'{"challenger": {"metrics": {"accuracy": null}}}', "must be a number, found NoneType"),
    ],
)
def test_what_the_evaluation_job_must_not_write_is_named(data: bytes, message: str) -> None:
    with pytest.raises(InvalidEvaluation) as refusal:
        parse(data, metric="accuracy")
    assert message in str(refusal.value)


FILES = {"sha256": "ab" * 32, "files": 2, "bytes": 1000}
WHOLE = {
    "metrics": {"accuracy": 0.98},
    "slices": {"class=3": {"accuracy": 0.9, "examples": 36}},
    "latency_ms": {"p50": 1.5, "p99": 3.0, "requests": 200},
    "artifact": FILES,
}


def test_slices_latency_and_the_files_are_read_and_so_is_the_holdouts_hash() -> None:
    found = parse(document(challenger=WHOLE, champion=WHOLE, holdout={"sha256": "cd" * 32}), metric="accuracy")
    assert found.challenger.slices == WHOLE["slices"]
    assert found.challenger.latency_ms == WHOLE["latency_ms"]
    assert found.challenger.artifact == FILES
    assert found.holdout_sha256 == "cd" * 32


def test_a_champion_whose_files_are_not_those_that_were_registered_is_not_compared() -> None:
    same = parse(document(champion=WHOLE), metric="accuracy", champion_sha256="ab" * 32).champion
    assert same is not None and (same.value, same.error) == (0.98, None)
    other = parse(document(champion=WHOLE), metric="accuracy", champion_sha256="cd" * 32).champion
    assert other is not None and other.value is None
    assert other.error == f"its files have the SHA-256 {'ab' * 32}, it was registered with {'cd' * 32}"


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"slices": []}, None),
        ({"slices": [1]}, "challenger.slices must be an object"),
        ({"slices": {"class=3": 0.9}}, "challenger.slices.class=3 must be an object"),
        ({"latency_ms": {"p50": 1.0}}, "challenger.latency_ms.p99 must be a number from 0, found None"),
        ({"latency_ms": {"p50": math.nan, "p99": 1.0}}, "challenger.latency_ms.p50 must be a number from 0, found nan"),
        ({"artifact": {**FILES, "sha256": "x"}}, "challenger.artifact.sha256 must be 64 hex digits"),
        ({"artifact": {**FILES, "bytes": -1}}, "challenger.artifact.bytes must be a number from 0, found -1"),
    ],
)
def test_the_rest_of_what_was_measured_is_checked_by_name(changed: Any, message: str | None) -> None:
    data = document(challenger={**WHOLE, **changed})
    if message is None:
        assert parse(data, metric="accuracy").challenger.slices == {}
        return
    with pytest.raises(InvalidEvaluation) as refusal:
        parse(data, metric="accuracy")
    assert message in str(refusal.value)


@given(st.binary())
def test_no_bytes_raise_anything_but_invalid_evaluation(data: bytes) -> None:
    with pytest.raises(InvalidEvaluation):
        parse(data, metric="accuracy")
