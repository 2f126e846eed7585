"""Queues: encrypted, TLS only, and nothing lost without a trace."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.nag import acknowledge

KEPT = Duration.days(14)


def dead_letter_queue(scope: Construct, construct_id: str, *, name: str, key: kms.IKey) -> sqs.Queue:
    """Where what could not be delivered waits for a person, for as long as SQS allows."""
    queue = sqs.Queue(
        scope,
        construct_id,
        queue_name=name,
        encryption=sqs.QueueEncryption.KMS,
        encryption_master_key=key,
        enforce_ssl=True,
        retention_period=KEPT,
    )
    acknowledge(queue, {"AwsSolutions-SQS3": "this is a dead-letter queue itself"})
    return queue


def work_queue(
    scope: Construct,
    construct_id: str,
    *,
    name: str,
    key: kms.IKey,
    visibility_timeout: Duration,
    dead_letters: sqs.IQueue,
    attempts: int,
) -> sqs.Queue:
    """A queue whose messages move to `dead_letters` after `attempts` failed deliveries."""
    return sqs.Queue(
        scope,
        construct_id,
        queue_name=name,
        encryption=sqs.QueueEncryption.KMS,
        encryption_master_key=key,
        enforce_ssl=True,
        retention_period=KEPT,
        visibility_timeout=visibility_timeout,
        dead_letter_queue=sqs.DeadLetterQueue(queue=dead_letters, max_receive_count=attempts),
    )
