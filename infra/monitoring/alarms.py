"""Alarms of one workload; every one of them notifies the alerts topic."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infra.names import WorkloadNames

PERIOD = Duration.minutes(1)


class WorkloadAlarms(Construct):
    """Undelivered events, failed runs, and an endpoint that answers with errors."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        names: WorkloadNames,
        variant: str,
        dead_letter_queues: dict[str, sqs.IQueue],
        machines: dict[str, sfn.IStateMachine],
        topic: sns.ITopic,
    ) -> None:
        super().__init__(scope, construct_id)
        self._prefix = names.prefix
        self._action = actions.SnsAction(topic)
        for name, queue in dead_letter_queues.items():
            metric = queue.metric_approximate_number_of_messages_visible(period=PERIOD, statistic="Maximum")
            self._alarm(f"{name}-dead-letters", metric, f"Events of the {name} queue could not be delivered")
        for name, machine in machines.items():
            metric = machine.metric_failed(period=PERIOD, statistic="Sum")
            self._alarm(f"{name}-failed", metric, f"An execution of the {name} state machine failed")
        self.endpoint_errors = self._alarm(
            "endpoint-5xx", _endpoint_errors(names.prefix, variant), "The endpoint answered with server errors"
        )

    def _alarm(self, name: str, metric: cloudwatch.IMetric, description: str) -> cloudwatch.Alarm:
        alarm = cloudwatch.Alarm(
            self,
            "".join(part.capitalize() for part in name.split("-")),
            alarm_name=f"{self._prefix}-{name}",
            alarm_description=description,
            metric=metric,
            threshold=1,
            evaluation_periods=1,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        alarm.add_alarm_action(self._action)
        return alarm


def _endpoint_errors(endpoint: str, variant: str) -> cloudwatch.Metric:
    return cloudwatch.Metric(
        namespace="AWS/SageMaker",
        metric_name="Invocation5XXErrors",
        dimensions_map={"EndpointName": endpoint, "VariantName": variant},
        statistic="Sum",
        period=PERIOD,
    )
