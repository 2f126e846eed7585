"""From an object that lands in the data bucket to an execution of the train machine."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_event_sources as sources
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.context import WorkloadContext
from infra.permissions import allow
from infra.queues import dead_letter_queue, work_queue
from infra.workload_function import WorkloadFunction

FUNCTION_TIMEOUT = Duration.seconds(60)
ATTEMPTS = 5
BATCH_SIZE = 10


class TrainingTrigger(Construct):
    """Rule -> queue -> `request_training`. What fails repeatedly ends in `dead_letters`."""

    dead_letters: sqs.Queue

    def __init__(
        self, scope: Construct, construct_id: str, *, context: WorkloadContext, state_machine_arn: str
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
        self._send_objects(context, queue)
        self._consume(context, queue, state_machine_arn)

    def _send_objects(self, context: WorkloadContext, queue: sqs.Queue) -> None:
        events.Rule(
            self,
            "ObjectCreated",
            description=f"Objects of {context.workload.name} that land in the data bucket",
            event_pattern=events.EventPattern(
                source=["aws.s3"],
                detail_type=["Object Created"],
                detail={
                    "bucket": {"name": [context.data_bucket.bucket_name]},
                    "object": {"key": [{"prefix": context.data_prefix}]},
                },
            ),
            targets=[targets.SqsQueue(queue, dead_letter_queue=self.dead_letters)],
        )

    def _consume(self, context: WorkloadContext, queue: sqs.Queue, state_machine_arn: str) -> None:
        consumer = WorkloadFunction(
            self,
            "RequestTraining",
            context=context,
            verb_noun="request_training",
            timeout=FUNCTION_TIMEOUT,
            environment={"ALERTS_TOPIC_ARN": context.alerts_topic.topic_arn},
        )
        role, bucket, prefix = consumer.role, context.data_bucket, context.data_prefix
        listed = {"StringLike": {"s3:prefix": f"{prefix}*"}}
        allow(role, ["s3:ListBucketVersions"], [bucket.bucket_arn], conditions=listed)
        requests = bucket.arn_for_objects(f"{prefix}*/request.json")
        allow(role, ["s3:GetObjectVersion"], [requests], wildcard="data sets are named by those who upload them")
        allow(role, ["states:StartExecution"], [state_machine_arn])
        allow(role, ["sns:Publish"], [context.alerts_topic.topic_arn])
        allow(role, ["kms:Decrypt", "kms:GenerateDataKey"], [context.key.key_arn])
        consumer.function.add_event_source(_batches(queue))


def _batches(queue: sqs.Queue) -> lambda_.IEventSource:
    return sources.SqsEventSource(queue, batch_size=BATCH_SIZE, report_batch_item_failures=True)
