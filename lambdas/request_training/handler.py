"""SQS batch of EventBridge S3 "Object Created" events -> one training run a complete data set."""

from typing import Any

from shared.clients import client
from shared.log import Log

from request_training.logic import Services, handle_batch
from request_training.settings import Settings


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """`{"batchItemFailures": [{"itemIdentifier": <message id>}]}`: what SQS delivers again, and at last moves to the
    dead-letter queue.
    """
    settings = Settings.from_environment()
    services = Services(
        ssm=client("ssm"),
        s3=client("s3"),
        states=client("stepfunctions"),
        sns=client("sns"),
        workloads_path=settings.workloads_path,
        alerts_topic_arn=settings.alerts_topic_arn,
    )
    failed = handle_batch(event["Records"], services=services, log=Log.of("request_training", context))
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}
