"""Invocations become CloudWatch data that alarms on AWS would see alike."""

from localcloud.sagemaker.endpoints.metrics import Invocation, metric_data


def _invocation(status: int | None, seconds: float = 0.01, timestamp: float = 120.0) -> Invocation:
    return Invocation(
        endpoint="e",
        variant="v",
        model_status=status,
        model_seconds=seconds,
        overhead_seconds=0.001,
        timestamp=timestamp,
    )


def _totals(invocations: list[Invocation]) -> dict[str, tuple[float, float]]:
    """Metric -> (sum, sample count)."""
    totals: dict[str, tuple[float, float]] = {}
    for datum in metric_data(invocations):
        pairs = list(zip(datum["Values"], datum["Counts"], strict=True))
        before = totals.get(datum["MetricName"], (0.0, 0.0))
        total = sum(value * count for value, count in pairs)
        totals[datum["MetricName"]] = before[0] + total, before[1] + sum(count for _, count in pairs)
    return totals


def test_errors_are_counted_with_a_zero_for_every_success() -> None:
    totals = _totals([_invocation(200), _invocation(400), _invocation(503), _invocation(None)])
    assert totals["Invocations"] == (4, 4)
    assert totals["Invocation4XXErrors"] == (1, 4)
    assert totals["Invocation5XXErrors"] == (2, 4)


def test_latencies_are_microseconds_and_many_different_ones_are_split() -> None:
    invocations = [_invocation(200, seconds=number / 1000) for number in range(1, 401)]
    latencies = [datum for datum in metric_data(invocations) if datum["MetricName"] == "ModelLatency"]
    assert [len(datum["Values"]) for datum in latencies] == [150, 150, 100]
    assert sum(sum(datum["Values"]) for datum in latencies) == sum(range(1, 401)) * 1000
    assert {datum["Unit"] for datum in latencies} == {"Microseconds"}


def test_each_minute_has_its_own_datum() -> None:
    data = [datum for datum in metric_data([_invocation(200, timestamp=59), _invocation(200, timestamp=61)])]
    assert {datum["Timestamp"] for datum in data} == {0, 60}
    assert data[0]["Dimensions"] == [{"Name": "EndpointName", "Value": "e"}, {"Name": "VariantName", "Value": "v"}]
