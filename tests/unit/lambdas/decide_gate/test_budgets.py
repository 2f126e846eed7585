from typing import Any

import pytest
from decide_gate.budgets import objections
from decide_gate.evaluation import Measured
from decide_gate.gate import judge

GATE: Any = {"metric": "accuracy", "goal": "maximize", "minimum": 0.5, "max_regression": 0.01}


def measured(p50: float | None = None, p99: float = 0.0, size: int | None = None, error: str | None = None) -> Measured:
    return Measured(
        value=None if error else 0.9,
        metrics={"accuracy": 0.9},
        error=error,
        latency_ms=None if p50 is None else {"p50": p50, "p99": p99, "requests": 200},
        artifact=None if size is None else {"sha256": "ab" * 32, "files": 1, "bytes": size},
    )


@pytest.mark.parametrize(
    ("limit", "challenger", "champion"),
    [
        ({}, measured(), measured()),
        ({"max_latency_ms": 10}, measured(9, 10), None),
        ({"max_latency_ratio": 2}, measured(10, 99), measured(5, 5)),
        ({"max_latency_ratio": 2}, measured(10, 99), None),
        ({"max_latency_ratio": 2}, measured(10, 99), measured(None)),
        ({"max_model_mb": 1.5}, measured(size=1_500_000), None),
    ],
)
def test_a_model_within_its_budgets_passes_and_so_does_one_at_the_limit(
    limit: Any, challenger: Measured, champion: Measured | None
) -> None:
    assert objections({**GATE, **limit}, challenger=challenger, champion=champion) == []


@pytest.mark.parametrize(
    ("limit", "challenger", "champion", "reason"),
    [
        ({"max_latency_ms": 10}, measured(1, 10.5), None, "p99 latency of one row 10.5 ms is above the limit 10 ms"),
        (
            {"max_latency_ratio": 1.5},
            measured(8, 8),
            measured(5, 50),
            "median latency of one row 8 ms is more than 1.5 times the champion's 5 ms",
        ),
        ({"max_model_mb": 1.5}, measured(size=1_600_000), None, "the model's files have 1.6 MB, the limit is 1.5"),
        ({"max_model_mb": 1.5}, measured(), None, "the size of the challenger was not measured, and gate.max_model_mb"),
        ({"max_latency_ms": 1}, measured(), None, "the latency of the challenger was not measured, and gate.max_lat"),
        ({"max_latency_ratio": 1}, measured(), measured(5), "the latency of the challenger was not measured, and gate"),
    ],
)
def test_a_model_over_a_budget_is_refused_with_the_numbers(
    limit: Any, challenger: Measured, champion: Measured | None, reason: str
) -> None:
    (found,) = objections({**GATE, **limit}, challenger=challenger, champion=champion)
    assert found.startswith(reason)


def test_with_a_broken_champion_only_the_absolute_limits_count() -> None:
    gate = {**GATE, "max_latency_ratio": 1, "slices": {"max_regression": 0, "minimum_examples": 1}, "max_model_mb": 1}
    whole = {"slices": {"a": {"accuracy": 0.1, "examples": 5}}}
    challenger = Measured(**{**vars(measured(10, 10, 2_000_000)), **whole})
    broken = Measured(**{**vars(measured(1, 1, error="no model.onnx")), "slices": {"a": {"accuracy": 1.0}}})
    reasons, _ = judge(gate, challenger=challenger, champion=broken)
    assert reasons == ["the model's files have 2 MB, the limit is 1"]
