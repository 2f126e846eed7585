"""The limit of latency for one rollout, by what CloudWatch has of the model that serves."""

from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from plan_rollout import latency
from plan_rollout.serving import Serving
from shared.variants import Variant

from tests.support.botocore_model import violations

NO_LIMIT = 3_600_000_000


@pytest.fixture
def alarm(stage: Any) -> str:
    """As the stack makes it: never on between rollouts."""
    name = f"{stage.descriptor['endpoint_name']}-endpoint-slower"
    boto3.client("cloudwatch").put_metric_alarm(
        AlarmName=name,
        AlarmDescription="A new model is slower",
        AlarmActions=[stage.alerts_topic_arn],
        Namespace="AWS/SageMaker",
        MetricName="ModelLatency",
        ExtendedStatistic="p99",
        Dimensions=_dimensions(stage),
        Period=60,
        EvaluationPeriods=1,
        Threshold=NO_LIMIT,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        TreatMissingData="notBreaching",
    )
    stage.descriptor["rollout"]["latency"] = {"ratio": 1.5, "alarm": name, "no_limit_us": NO_LIMIT}
    return name


def _dimensions(stage: Any) -> list[dict[str, str]]:
    endpoint = {"Name": "EndpointName", "Value": stage.descriptor["endpoint_name"]}
    return [endpoint, {"Name": "VariantName", "Value": "primary"}]


def answered(stage: Any, *, minutes_ago: int, requests: int, milliseconds: float) -> None:
    """What SageMaker publishes of so many requests of one minute."""
    common = {"Dimensions": _dimensions(stage), "Timestamp": datetime.now(UTC) - timedelta(minutes=minutes_ago)}
    data = [
        {"MetricName": "Invocations", "Values": [1.0], "Counts": [float(requests)], **common},
        {"MetricName": "ModelLatency", "Values": [milliseconds * 1000], "Counts": [float(requests)], **common},
    ]
    boto3.client("cloudwatch").put_metric_data(Namespace="AWS/SageMaker", MetricData=data)


def limit(stage: Any, *, serving_for: timedelta = timedelta(hours=5)) -> dict[str, Any]:
    now = datetime.now(UTC)
    variant = Variant(
        name="primary", model="m-v3-00000000", weight=1.0, instance_type="ml.m5.large", instances=1, configured=1
    )
    serving = Serving(config_name="c", variants=(variant,), asked_instances=1, since=now - serving_for)
    found = latency.limit(stage.descriptor, serving, cloudwatch=boto3.client("cloudwatch"), now=now)
    for request in (found["set"], found["lift"]):
        assert violations("cloudwatch", "PutMetricAlarm", request) == []
    return found


def test_the_limit_is_a_multiple_of_an_ordinary_minutes_p99(stage: Any, alarm: str) -> None:
    for minute in range(2, 12):
        answered(stage, minutes_ago=minute, requests=20, milliseconds=100.0 if minute == 5 else 10.0)
    found = limit(stage)
    assert found["note"] == "p99 latency limit 15.0 ms, 1.5 times the 10.0 ms of version 3 (200 requests)"
    assert found["set"]["Threshold"] == pytest.approx(15_000)
    assert found["lift"] == {**found["set"], "Threshold": NO_LIMIT}
    cloudwatch = boto3.client("cloudwatch")
    (before,) = cloudwatch.describe_alarms(AlarmNames=[alarm])["MetricAlarms"]
    cloudwatch.put_metric_alarm(**found["lift"])
    (after,) = cloudwatch.describe_alarms(AlarmNames=[alarm])["MetricAlarms"]
    states = {"StateValue", "StateReason", "StateUpdatedTimestamp", "AlarmConfigurationUpdatedTimestamp"}
    assert {k: v for k, v in after.items() if k not in states} == {k: v for k, v in before.items() if k not in states}


@pytest.mark.parametrize(("requests", "serving_for"), [(9, timedelta(hours=5)), (50, timedelta(minutes=1))])
def test_too_few_requests_are_said_and_leave_no_limit(
    stage: Any, alarm: str, requests: int, serving_for: timedelta
) -> None:
    """Too few at all, or of the model that serves: what an earlier one did is not its."""
    for minute in range(4, 8):
        answered(stage, minutes_ago=minute, requests=requests, milliseconds=10.0)
    found = limit(stage, serving_for=serving_for)
    assert found["note"].startswith("p99 latency not compared: too few requests, ")
    assert found["set"]["Threshold"] == found["lift"]["Threshold"] == NO_LIMIT


def test_without_a_ratio_nothing_is_limited_and_without_its_alarm_nothing_rolled_out(stage: Any, alarm: str) -> None:
    boto3.client("cloudwatch").delete_alarms(AlarmNames=[alarm])
    with pytest.raises(latency.AlarmMissing, match=f"there is no alarm {alarm}: deploy"):
        limit(stage)
    stage.descriptor["rollout"]["latency"] = None
    now = datetime.now(UTC)
    serving = Serving(config_name="c", variants=(), asked_instances=1, since=now)
    assert latency.limit(stage.descriptor, serving, cloudwatch=None, now=now) == latency.NONE
