"""Two variants, compared by the metrics that CloudWatch has of them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from compare_variants.handler import handler
from shared.errors import InvalidInput

COMPARE = {"champion": "blue", "challenger": "green", "max_latency_ratio": 1.5}


@pytest.fixture
def measured(stage: Any) -> Any:
    """Publishes what SageMaker would of a variant: how many requests, how many failed, the latency in ms."""
    endpoint = stage.descriptor["endpoint_name"]

    def publish(variant: str, *, invocations: int, errors: int = 0, milliseconds: float = 10.0) -> None:
        dimensions = [{"Name": "EndpointName", "Value": endpoint}, {"Name": "VariantName", "Value": variant}]
        values = {
            "Invocations": ([1.0], [invocations]),
            "Invocation5XXErrors": ([0.0, 1.0], [max(invocations - errors, 1), max(errors, 0.0001)]),
            "ModelLatency": ([milliseconds * 1000], [invocations]),
        }
        data = [
            {
                "MetricName": name,
                "Dimensions": dimensions,
                "Timestamp": datetime.now(UTC),
                "Values": [value for value, count in zip(*pair, strict=True) if count >= 1],
                "Counts": [float(count) for count in pair[1] if count >= 1],
            }
            for name, pair in values.items()
        ]
        boto3.client("cloudwatch").put_metric_data(Namespace="AWS/SageMaker", MetricData=data)

    return publish


@pytest.fixture
def event(stage: Any) -> dict[str, Any]:
    since = datetime.now(UTC) - timedelta(seconds=30)
    return {"endpoint_name": stage.descriptor["endpoint_name"], "since": since.isoformat(), "compare": COMPARE}


def test_a_challenger_that_does_as_well_is_not_worse(measured: Any, event: Any, context: Any) -> None:
    measured("blue", invocations=100)
    measured("green", invocations=40, milliseconds=14.0)
    result = handler(event, context)
    assert result == {
        "worse": False,
        "reason": "40 requests, 0 failed, p99 14.0 ms; champion 100 requests, 0 failed",
    }


def test_a_slower_challenger_is_worse(measured: Any, event: Any, context: Any) -> None:
    measured("blue", invocations=100)
    measured("green", invocations=40, milliseconds=16.0)
    result = handler(event, context)
    assert result["worse"] is True
    assert "p99 latency 16.0 ms is more than 1.5 times the champion's 10.0 ms" in result["reason"]


def test_a_few_slow_requests_are_no_verdict(measured: Any, event: Any, context: Any) -> None:
    measured("blue", invocations=100)
    measured("green", invocations=19, milliseconds=160.0)
    assert handler(event, context)["worse"] is False


def test_a_challenger_that_fails_more_often_is_worse(measured: Any, event: Any, context: Any) -> None:
    measured("blue", invocations=100, errors=2)
    measured("green", invocations=40, errors=2)
    result = handler(event, context)
    assert result["worse"] is True
    assert result["reason"] == "variant green: 2 of 40 requests failed, of the champion's 2 of 100"


def test_without_requests_there_is_nothing_to_hold_against_it(event: Any, context: Any) -> None:
    result = handler(event, context)
    assert (result["worse"], result["reason"]) == (
        False,
        "no request reached the challenger: there was nothing to compare",
    )


def test_what_was_before_the_step_does_not_count(measured: Any, event: Any, context: Any) -> None:
    measured("green", invocations=40, errors=40)
    later = datetime.now(UTC) + timedelta(minutes=2)
    assert handler({**event, "since": later.isoformat()}, context)["worse"] is False


def test_a_missing_field_is_named(event: Any, context: Any) -> None:
    with pytest.raises(InvalidInput, match=r"input\.since is missing"):
        handler({name: value for name, value in event.items() if name != "since"}, context)
