"""From what asks for a run (objects, a schedule, the API) to an execution of the train machine, one at a time."""

from __future__ import annotations

from aws_cdk import ArnFormat, Duration
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_event_sources as sources
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infra.context import WorkloadContext
from infra.permissions import allow
from infra.queues import dead_letter_queue, work_queue
from infra.workload_function import WorkloadFunction

FUNCTION_TIMEOUT = Duration.seconds(60)
ATTEMPTS = 5
LEAST_CONCURRENCY = 2
"""A data set's objects land together and change the same request: more functions at once would start cold, each for
one of them, and then wait for each other. SQS allows no fewer.
"""
BATCH_SIZE = 10


class TrainingTrigger(Construct):
    """Rules -> queue -> `request_training` -> `machine`. What fails repeatedly ends in `dead_letters`."""

    dead_letters: sqs.Queue

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        context: WorkloadContext,
        machine: sfn.IStateMachine,
        requests: dynamodb.ITable,
    ) -> None:
        super().__init__(scope, construct_id)
        prefix = context.names.prefix
        self.dead_letters = dead_letter_queue(self, "DeadLetters", name=f"{prefix}-objects-dlq", key=context.key)
        queue = work_queue(
            self,
            "Queue",
            name=f"{prefix}-objects",
            key=context.key,
            # At least six times the function's timeout (Lambda developer guide, "Using Lambda with Amazon SQS").
            visibility_timeout=Duration.seconds(6 * FUNCTION_TIMEOUT.to_seconds()),
            dead_letters=self.dead_letters,
            attempts=ATTEMPTS,
        )
        self._listen(context, queue, machine)
        self._consume(context, queue, machine.state_machine_arn, requests)

    def _listen(self, context: WorkloadContext, queue: sqs.Queue, machine: sfn.IStateMachine) -> None:
        """One rule for each thing that asks for runs, and one that tells of a run's end."""
        name, triggers = context.workload.name, context.workload.manifest.triggers
        target = targets.SqsQueue(queue, dead_letter_queue=self.dead_letters)
        if triggers.objects:
            pattern = _objects_of(context)
            self._rule("ObjectCreated", f"Objects of {name} that land in the data bucket", target, pattern)
        if triggers.schedule:
            schedule = events.Schedule.expression(triggers.schedule)
            events.Rule(self, "Schedule", description=f"Trains {name} again", schedule=schedule, targets=[target])
        if triggers.api:
            pattern = events.EventPattern(
                source=["slipway"], detail_type=["Training Requested"], detail={"workload": [name]}
            )
            self._rule("Requested", f"Runs of {name} that callers of the API ask for", target, pattern)
        pattern = events.EventPattern(
            source=["slipway"], detail_type=["Redrive Requested"], detail={"workload": [name]}
        )
        self._rule("Redriven", f"Runs of {name} that failed and are to go on", target, pattern)
        if triggers.on_deploy:
            description = f"The stack of {name} was deployed: trains again if that changed its training"
            self._rule("Deployed", description, target, _deployments_of(context))
        monitoring = context.workload.manifest.monitoring
        if monitoring and monitoring.retrain:
            pattern = _ringing(context.names.drift_alarm)
            self._rule("Drifted", f"Requests to {name} have drifted: trains it again", target, pattern)
        # Without the run's input and output, which may be as large as a message may be.
        ended = events.RuleTargetInput.from_object(
            {
                "source": "aws.states",
                "detail-type": "Step Functions Execution Status Change",
                "detail": {
                    "name": events.EventField.from_path("$.detail.name"),
                    "stopDate": events.EventField.from_path("$.detail.stopDate"),
                },
            }
        )
        target = targets.SqsQueue(queue, dead_letter_queue=self.dead_letters, message=ended)
        self._rule("RunEnded", f"Ends of the runs of {name}: the next one may begin", target, _ends_of(machine))

    def _rule(
        self, construct_id: str, description: str, target: events.IRuleTarget, pattern: events.EventPattern
    ) -> None:
        events.Rule(self, construct_id, description=description, event_pattern=pattern, targets=[target])

    def _consume(self, context: WorkloadContext, queue: sqs.Queue, machine_arn: str, table: dynamodb.ITable) -> None:
        consumer = WorkloadFunction(
            self,
            "RequestTraining",
            context=context,
            verb_noun="request_training",
            timeout=FUNCTION_TIMEOUT,
            environment={
                "ALERTS_TOPIC_ARN": context.alerts_topic.topic_arn,
                "WORKLOAD": context.workload.name,
                "QUEUE_URL": queue.queue_url,
                "REQUESTS_TABLE": table.table_name,
            },
        )
        role, bucket, prefix = consumer.role, context.data_bucket, context.data_prefix
        listed = {"StringLike": {"s3:prefix": f"{prefix}*"}}
        allow(role, ["s3:ListBucketVersions"], [bucket.bucket_arn], conditions=listed)
        requests = bucket.arn_for_objects(f"{prefix}*/request.json")
        allow(role, ["s3:GetObjectVersion"], [requests], wildcard="data sets are named by those who upload them")
        allow(role, ["states:StartExecution"], [machine_arn])
        executions = _executions_of(context)
        allow(
            role,
            ["states:DescribeExecution", "states:RedriveExecution"],
            [executions],
            wildcard="runs are named by their data",
        )
        allow(role, ["dynamodb:GetItem", "dynamodb:Query", "dynamodb:UpdateItem"], [table.table_arn])
        allow(role, ["sqs:SendMessage"], [queue.queue_arn])
        allow(role, ["sns:Publish"], [context.alerts_topic.topic_arn])
        allow(role, ["kms:Decrypt", "kms:GenerateDataKey"], [context.key.key_arn])
        consumer.function.add_event_source(_batches(queue))


def _executions_of(context: WorkloadContext) -> str:
    return context.stack.format_arn(
        service="states",
        resource="execution",
        resource_name=f"{context.names.train_machine}:*",
        arn_format=ArnFormat.COLON_RESOURCE_NAME,
    )


def _objects_of(context: WorkloadContext) -> events.EventPattern:
    return events.EventPattern(
        source=["aws.s3"],
        detail_type=["Object Created"],
        detail={
            "bucket": {"name": [context.data_bucket.bucket_name]},
            "object": {"key": [{"prefix": context.data_prefix}]},
        },
    )


def _deployments_of(context: WorkloadContext) -> events.EventPattern:
    """CloudFormation user guide, "Stack Status Change event detail"."""
    return events.EventPattern(
        source=["aws.cloudformation"],
        detail_type=["CloudFormation Stack Status Change"],
        detail={
            "stack-id": [context.stack.stack_id],
            "status-details": {"status": ["CREATE_COMPLETE", "UPDATE_COMPLETE"]},
        },
    )


def _ringing(alarm_name: str) -> events.EventPattern:
    """CloudWatch user guide, "Alarm events and EventBridge"."""
    return events.EventPattern(
        source=["aws.cloudwatch"],
        detail_type=["CloudWatch Alarm State Change"],
        detail={"alarmName": [alarm_name], "state": {"value": ["ALARM"]}},
    )


def _ends_of(machine: sfn.IStateMachine) -> events.EventPattern:
    return events.EventPattern(
        source=["aws.states"],
        detail_type=["Step Functions Execution Status Change"],
        detail={
            "stateMachineArn": [machine.state_machine_arn],
            "status": ["SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"],
        },
    )


def _batches(queue: sqs.Queue) -> lambda_.IEventSource:
    return sources.SqsEventSource(
        queue, batch_size=BATCH_SIZE, max_concurrency=LEAST_CONCURRENCY, report_batch_item_failures=True
    )
