"""Alarms of one workload; every one of them notifies the alerts topic."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infra.manifest_monitoring import Monitoring, Quality
from infra.manifest_rollout import Rollout, latency_ratio
from infra.names import WorkloadNames

PERIOD = Duration.minutes(1)
METRICS = "Slipway/Monitoring"
"""Namespace of what monitoring publishes; a figure every so often, hence longer periods."""
LOOK = Duration.minutes(5)
MICROSECONDS = 1000
"""A millisecond, in the unit of ModelLatency."""


SLOWER = "endpoint-slower"
NO_LIMIT_MICROSECONDS = 3_600_000_000
"""The threshold of the alarm on a new model's latency between rollouts: an hour, which no request takes. Each rollout
sets another one and this one again (`lambdas/plan_rollout/latency.py`)."""


def rollback_alarms(
    names: WorkloadNames, rollout: Rollout, variants: Sequence[str], monitoring: Monitoring | None
) -> list[str]:
    """The names of the alarms that `WorkloadAlarms` makes on the endpoint, on which a rollout goes back."""
    kinds = ["endpoint-5xx", *(["endpoint-latency"] if rollout.latency_p99_ms else [])]
    kinds += [SLOWER] if latency_ratio(rollout) else []
    of_variants = [_of_variant(kind, variant, variants) for kind in kinds for variant in variants]
    quality = ["model-quality"] if monitoring and monitoring.quality else []
    return [f"{names.prefix}-{name}" for name in [*of_variants, *quality]]


class WorkloadAlarms(Construct):
    """Undelivered events, failed runs, and an endpoint whose production `variants` answer with errors or too late."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        names: WorkloadNames,
        rollout: Rollout,
        variants: Sequence[str],
        monitoring: Monitoring | None,
        dead_letter_queues: dict[str, sqs.IQueue],
        machines: dict[str, sfn.IStateMachine],
        topic: sns.ITopic,
    ) -> None:
        super().__init__(scope, construct_id)
        self._prefix = names.prefix
        self._action = actions.SnsAction(topic)
        for name, queue in dead_letter_queues.items():
            metric = queue.metric_approximate_number_of_messages_visible(period=PERIOD, statistic="Maximum")
            self._alarm(f"{name}-dead-letters", metric, 1, f"Events of the {name} queue could not be delivered")
        for name, machine in machines.items():
            metric = machine.metric_failed(period=PERIOD, statistic="Sum")
            self._alarm(f"{name}-failed", metric, 1, f"An execution of the {name} state machine failed")
        for variant in variants:
            self._watch(variant, variants, rollout)
        if monitoring is not None:
            self._watch_requests(monitoring)

    def _watch(self, variant: str, variants: Sequence[str], rollout: Rollout) -> None:
        latency_p99_ms = rollout.latency_p99_ms
        errors = self._endpoint_metric("Invocation5XXErrors", "Sum", variant)
        name = _of_variant("endpoint-5xx", variant, variants)
        self._alarm(name, errors, 1, f"Variant {variant} answered with server errors")
        latency = self._endpoint_metric("ModelLatency", "p99", variant)
        if latency_p99_ms is not None:
            name = _of_variant("endpoint-latency", variant, variants)
            description = f"Variant {variant}: the p99 latency of the model reached {latency_p99_ms} ms"
            self._alarm(name, latency, latency_p99_ms * MICROSECONDS, description)
        if ratio := latency_ratio(rollout):
            description = f"A new model: the p99 latency reached {ratio:g} times that of the model before"
            self._alarm(_of_variant(SLOWER, variant, variants), latency, NO_LIMIT_MICROSECONDS, description)

    def _watch_requests(self, monitoring: Monitoring) -> None:
        drift = self._monitored("MaxPSI", "Maximum")
        description = f"A column of the requests or answers drifted: PSI of {monitoring.threshold:g} or more"
        # Between two looks it stays as it is: people are told, and a run is asked for, once.
        self._alarm("drift", drift, monitoring.threshold, description, missing=cloudwatch.TreatMissingData.IGNORE)
        if monitoring.quality is not None:
            self._watch_quality(monitoring.quality)

    def _watch_quality(self, quality: Quality) -> None:
        """Quiet again after some minutes: a rollout that begins later, maybe of the remedy, is not held up by it."""
        is_share = quality.metric == "accuracy"
        self._alarm(
            "model-quality",
            self._monitored("LiveQuality", "Minimum" if is_share else "Maximum"),
            quality.limit,
            f"Live {quality.metric} is {'below' if is_share else 'above'} {quality.limit:g}",
            operator=cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD
            if is_share
            else cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
        )

    def _alarm(
        self,
        name: str,
        metric: cloudwatch.IMetric,
        threshold: float,
        description: str,
        *,
        operator: cloudwatch.ComparisonOperator = cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
        missing: cloudwatch.TreatMissingData = cloudwatch.TreatMissingData.NOT_BREACHING,
    ) -> None:
        alarm = cloudwatch.Alarm(
            self,
            "".join(part.capitalize() for part in name.split("-")),
            alarm_name=f"{self._prefix}-{name}",
            alarm_description=description,
            metric=metric,
            threshold=threshold,
            evaluation_periods=1,
            comparison_operator=operator,
            treat_missing_data=missing,
        )
        alarm.add_alarm_action(self._action)

    def _monitored(self, name: str, statistic: str) -> cloudwatch.Metric:
        return cloudwatch.Metric(
            namespace=METRICS,
            metric_name=name,
            dimensions_map={"Workload": self._prefix},
            statistic=statistic,
            period=LOOK,
        )

    def _endpoint_metric(self, name: str, statistic: str, variant: str) -> cloudwatch.Metric:
        return cloudwatch.Metric(
            namespace="AWS/SageMaker",
            metric_name=name,
            dimensions_map={"EndpointName": self._prefix, "VariantName": variant},
            statistic=statistic,
            period=PERIOD,
        )


def _of_variant(kind: str, variant: str, variants: Sequence[str]) -> str:
    """A single variant needs no name of its own."""
    return kind if len(variants) == 1 else f"{kind}-{variant}"
