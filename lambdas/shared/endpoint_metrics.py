"""What SageMaker measures of an endpoint's variants, out of CloudWatch.

https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html, endpoint invocation metrics; latencies are
in microseconds.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

INVOCATIONS = ("Invocations", "Sum")
ERRORS = ("Invocation5XXErrors", "Sum")
P99 = ("ModelLatency", "p99")


def per_minute(
    cloudwatch: Any,
    *,
    endpoint: str,
    variant: str,
    metrics: Mapping[str, tuple[str, str]],
    start: datetime,
    end: datetime,
) -> dict[str, list[float]]:
    """The values of each of `metrics` (name of your own -> metric and statistic), one a minute that has any.

    Whole minutes: CloudWatch files a request under the minute in which it began.
    """
    dimensions = [{"Name": "EndpointName", "Value": endpoint}, {"Name": "VariantName", "Value": variant}]
    queries = [
        {
            "Id": name,
            "MetricStat": {
                "Metric": {"Namespace": "AWS/SageMaker", "MetricName": metric, "Dimensions": dimensions},
                "Period": 60,
                "Stat": statistic,
            },
        }
        for name, (metric, statistic) in metrics.items()
    ]
    pages = cloudwatch.get_paginator("get_metric_data").paginate(
        MetricDataQueries=queries, StartTime=start.replace(second=0, microsecond=0), EndTime=end
    )
    values: dict[str, list[float]] = {name: [] for name in metrics}
    for page in pages:
        for result in page["MetricDataResults"]:
            values[result["Id"]] += result["Values"]
    return values
