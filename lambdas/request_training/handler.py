"""SQS batch of events (objects that landed, schedules, API requests, runs that ended) -> training runs, one at a
time.
"""

from typing import Any

from shared.clients import client
from shared.log import Log

from request_training.logic import handle_batch
from request_training.services import Services
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
        sqs=client("sqs"),
        dynamodb=client("dynamodb"),
        workloads_path=settings.workloads_path,
        workload=settings.workload,
        alerts_topic_arn=settings.alerts_topic_arn,
        queue_url=settings.queue_url,
        table=settings.table,
    )
    failed = handle_batch(event["Records"], services=services, log=Log.of("request_training", context))
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}
