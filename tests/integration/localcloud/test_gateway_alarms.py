"""An alarm rings for its own metric."""

from __future__ import annotations

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
