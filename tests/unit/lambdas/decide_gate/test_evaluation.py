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
    challenger, champion = parse(document(champion={"metrics": {"accuracy": 0.97, "examples": 360}}), metric="accuracy")
    assert champion is not None
    assert (challenger.value, champion.value) == (0.98, 0.97)
    assert champion.metrics == {"accuracy": 0.97, "examples": 360}


def test_the_first_model_has_no_champion() -> None:
    assert parse(document(), metric="accuracy")[1] is None


def test_a_challenger_that_diverged_is_read_so_that_the_gate_can_reject_it() -> None:
    challenger, _ = parse(document(challenger={"metrics": {"accuracy": math.nan}}), metric="accuracy")
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
    _, found = parse(document(champion=champion), metric="accuracy")
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


@given(st.binary())
def test_no_bytes_raise_anything_but_invalid_evaluation(data: bytes) -> None:
    with pytest.raises(InvalidEvaluation):
        parse(data, metric="accuracy")
