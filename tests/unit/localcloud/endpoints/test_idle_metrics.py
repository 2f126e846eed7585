"""A silent minute is a zero, a busy one is left alone."""

from typing import Any

from localcloud.sagemaker.endpoints.idle_metrics import IdleMetrics
from localcloud.sagemaker.endpoints.metrics import Invocation, InvocationMetrics
from tests.unit.localcloud.endpoints.conftest import Endpoints


class CloudWatch:
    def __init__(self) -> None:
        self.data: list[dict[str, Any]] = []

    def put_metric_data(self, *, Namespace: str, MetricData: list[dict[str, Any]]) -> None:
        assert Namespace == "AWS/SageMaker"
        self.data += MetricData


def _invocation(timestamp: float) -> Invocation:
    return Invocation(
        endpoint="e", variant="v", model_status=200, model_seconds=0, overhead_seconds=0, timestamp=timestamp
    )


def test_every_minute_is_published_once_when_it_is_over() -> None:
    cloudwatch, clock, asked = CloudWatch(), [600.0], []

    def idle(minute: int) -> list[tuple[str, str]]:
        asked.append(minute)
        return [("e", "v")]

    metrics = IdleMetrics(idle, lambda: cloudwatch, now=lambda: clock[0])
    metrics.publish()
    assert cloudwatch.data == []
    clock[0] = 661.0
    metrics.publish()
    metrics.publish()
    assert asked == [10]
    assert [datum["MetricName"] for datum in cloudwatch.data] == ["Invocations", "InvocationsPerInstance"]
    assert {(datum["Timestamp"], datum["Value"]) for datum in cloudwatch.data} == {(600, 0.0)}


def test_a_minute_with_a_request_is_busy() -> None:
    cloudwatch = CloudWatch()
    metrics = InvocationMetrics(lambda: cloudwatch)
    metrics.record(_invocation(601.0))
    metrics.record(_invocation(661.0))
    assert metrics.busy(10) == {("e", "v")}
    assert metrics.busy(11) == {("e", "v")}
    assert metrics.busy(12) == set()
    metrics.close(10)


def test_variants_that_serve_and_were_not_asked_are_idle(endpoints: Endpoints) -> None:
    assert endpoints.supervisor.idle(10) == []
    endpoints.put_config("c1", primary={})
    endpoints.create("c1")
    assert endpoints.supervisor.idle(10) == [("e", "primary")]
    endpoints.supervisor._metrics.record(
        Invocation(
            endpoint="e", variant="primary", model_status=200, model_seconds=0, overhead_seconds=0, timestamp=661.0
        )
    )
    assert endpoints.supervisor.idle(11) == []
    assert endpoints.supervisor.idle(12) == [("e", "primary")]
