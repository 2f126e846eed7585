"""An alarm rings for its own metric, and tells of it."""

from __future__ import annotations

import pytest

from tests.support.embedded_cloud import EmbeddedCloud, eventually, unique


def test_an_alarm_does_not_ring_for_another_ones_dimensions(cloud: EmbeddedCloud) -> None:
    cloudwatch, namespace = cloud.client("cloudwatch"), unique("space")
    names = {endpoint: unique(endpoint) for endpoint in ("mine", "theirs")}

    def dimensions(endpoint: str) -> list[dict[str, str]]:
        return [{"Name": "EndpointName", "Value": endpoint}, {"Name": "VariantName", "Value": "primary"}]

    for endpoint, name in names.items():
        cloudwatch.put_metric_alarm(
            AlarmName=name,
            Namespace=namespace,
            MetricName="Errors",
            Dimensions=dimensions(endpoint),
            Statistic="Sum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=1,
            ComparisonOperator="GreaterThanOrEqualToThreshold",
        )

    def put(endpoint: str, value: float) -> None:
        datum = {"MetricName": "Errors", "Dimensions": dimensions(endpoint)[::-1], "Value": value}
        cloudwatch.put_metric_data(Namespace=namespace, MetricData=[datum])

    def states() -> dict[str, str]:
        found = cloudwatch.describe_alarms(AlarmNames=list(names.values()))["MetricAlarms"]
        return {
            endpoint: alarm["StateValue"]
            for alarm in found
            for endpoint in names
            if alarm["AlarmName"] == names[endpoint]
        }

    put("mine", 0)
    put("theirs", 5)
    eventually(lambda: states() == {"mine": "OK", "theirs": "ALARM"})
    put("mine", 1)
    eventually(lambda: states()["mine"] == "ALARM")


def test_a_change_of_an_alarms_state_is_an_event(cloud: EmbeddedCloud) -> None:
    cloudwatch, name = cloud.client("cloudwatch"), unique("drift")
    detail = {"alarmName": [name], "state": {"value": ["ALARM"]}}
    pattern = {"source": ["aws.cloudwatch"], "detail-type": ["CloudWatch Alarm State Change"], "detail": detail}
    queue = cloud.subscribe(name, pattern)
    cloudwatch.put_metric_alarm(
        AlarmName=name,
        AlarmDescription="Requests changed",
        Namespace=name,
        MetricName="MaxPSI",
        Statistic="Maximum",
        Period=300,
        EvaluationPeriods=1,
        Threshold=0.2,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
    )
    for value in (0.0, 0.9, 0.9):
        cloudwatch.put_metric_data(Namespace=name, MetricData=[{"MetricName": "MaxPSI", "Value": value}])
        cloudwatch.describe_alarms(AlarmNames=[name])

    (event,) = cloud.received(queue, 1)  # the change, not every time that it is still so
    assert event["resources"] == [f"arn:aws:cloudwatch:{cloud.region}:{cloud.account}:alarm:{name}"]
    assert event["detail"]["previousState"]["value"] == "OK"
    assert event["detail"]["state"]["value"] == "ALARM" and "0.9" in event["detail"]["state"]["reason"]
    assert event["detail"]["configuration"] == {"description": "Requests changed"}


@pytest.mark.parametrize(
    ("treatment", "state"), [("notBreaching", "OK"), ("breaching", "ALARM"), ("ignore", "ALARM"), ("missing", "ALARM")]
)
def test_missing_data_counts_as_the_alarm_says(cloud: EmbeddedCloud, treatment: str, state: str) -> None:
    cloudwatch, name = cloud.client("cloudwatch"), unique("silent")
    cloudwatch.put_metric_alarm(
        AlarmName=name,
        Namespace=name,
        MetricName="Errors",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        TreatMissingData=treatment,
    )
    cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="a person's")
    # Whenever figures come, whichever they are, every alarm is looked at.
    cloudwatch.put_metric_data(Namespace=name, MetricData=[{"MetricName": "Others", "Value": 5}])
    (alarm,) = cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"]
    assert alarm["StateValue"] == state
