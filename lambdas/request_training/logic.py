"""From a batch of "Object Created" events to at most one run a data set.

Delivered twice, or in another order, the same objects give the same run name, and Step Functions holds a name once (90
days):
nothing here remembers anything.
"""

import json
from collections import defaultdict
from dataclasses import asdict, dataclass
from typing import Any

from botocore.exceptions import ClientError
from shared import descriptor as descriptors
from shared.clients import error_code
from shared.descriptor import Descriptor
from shared.errors import InvalidDocument, InvalidInput, UnknownWorkload
from shared.log import Log
from shared.names import run_name

from request_training import dataset as data
from request_training.dataset import DataSetTooLarge, Request, StoredObject
from request_training.events import Delivery, NotInLayout, read

# StartExecution takes 262,144 characters; later states carry the input beside their own results.
MAX_INPUT_CHARACTERS = 160_000


@dataclass(frozen=True, kw_only=True)
class Services:
    """The clients and addresses that a batch needs."""

    ssm: Any
    s3: Any
    states: Any
    sns: Any
    workloads_path: str
    alerts_topic_arn: str


def handle_batch(records: list[dict[str, Any]], *, services: Services, log: Log) -> list[str]:
    """Starts the runs that the batch completes; the ids of the messages that must be delivered again."""
    failed: list[str] = []
    by_dataset: dict[tuple[str, str, str], list[Delivery]] = defaultdict(list)
    for record in records:
        try:
            delivery = read(record)
            by_dataset[delivery.bucket, delivery.workload, delivery.dataset].append(delivery)
        except NotInLayout as reason:
            log.info("ignored", message_id=record["messageId"], reason=str(reason))
        except InvalidInput as error:
            log.error("not an event of the data bucket", message_id=record["messageId"], reason=str(error))
            failed.append(record["messageId"])
    for (_, workload, dataset), deliveries in by_dataset.items():
        bound = log.bind(workload=workload, dataset=dataset)
        try:
            _consider(deliveries, services=services, log=bound)
        except Exception as error:  # one data set's failure must not keep back the others; SQS delivers it again
            bound.error("failed", error=type(error).__name__, reason=str(error))
            failed += [delivery.message_id for delivery in deliveries]
    return failed


def _consider(deliveries: list[Delivery], *, services: Services, log: Log) -> None:
    """Starts the run of one data set if it is complete; `deliveries` are all of that data set."""
    first = deliveries[0]
    try:
        descriptor = descriptors.read(services.ssm, path=services.workloads_path, workload=first.workload)
    except UnknownWorkload as reason:
        log.info("ignored", reason=str(reason))
        return
    channels = descriptor["data"]["channels"]
    wanted = [d for d in deliveries if d.channel is None or d.channel in channels]
    if first.bucket != descriptor["data"]["bucket"] or not wanted:
        log.info("ignored", reason=f"not in a channel of the workload ({', '.join(sorted(channels))})", key=first.key)
        return
    prefix = f"{descriptor['data']['prefix']}{first.dataset}/"
    objects = data.current_objects(services.s3, bucket=first.bucket, prefix=prefix, channels=channels)
    try:
        request = data.requested(services.s3, bucket=first.bucket, prefix=prefix, objects=objects)
    except InvalidDocument as error:
        _refuse(error, wanted, services=services, log=log)
        return
    missing = data.missing_files(objects, prefix=prefix, channels=channels)
    missing += data.missing_objects(objects, prefix=prefix, request=request)
    if missing:
        log.info("incomplete", missing=missing)
        return
    _start(descriptor, first.dataset, objects, request, services=services, log=log)


def _refuse(error: InvalidDocument, deliveries: list[Delivery], *, services: Services, log: Log) -> None:
    """Starts nothing. Only the event of request.json itself raises the alert, so that its many neighbours do not
    repeat it.
    """
    log.error("refused", reason=str(error))
    if any(delivery.channel is None for delivery in deliveries):
        first = deliveries[0]
        services.sns.publish(
            TopicArn=services.alerts_topic_arn,
            Subject=f"Slipway: no training run for {first.workload}"[:100],
            Message=f"Data set {first.dataset} of workload {first.workload} starts no run. {error}\n"
            "Write a correct request.json over it, or delete it.",
        )


def _start(
    descriptor: Descriptor,
    dataset: str,
    objects: list[StoredObject],
    request: Request,
    *,
    services: Services,
    log: Log,
) -> None:
    run = run_name(dataset, [(item.key, item.version_id) for item in objects])
    run_input = json.dumps(
        {
            "workload": descriptor["name"],
            "dataset": dataset,
            "objects": [asdict(item) for item in objects],
            "hyperparameters": request.hyperparameters,
            **({"imported_model": request.imported_model} if request.imported_model else {}),
        }
    )
    if len(run_input) > MAX_INPUT_CHARACTERS:
        raise DataSetTooLarge(
            f"data set {dataset} has {len(objects)} objects, more than a run's input can name "
            f"({len(run_input)} of {MAX_INPUT_CHARACTERS} characters): pack the files into archives"
        )
    try:
        services.states.start_execution(
            stateMachineArn=descriptor["train_state_machine_arn"], name=run, input=run_input
        )
        log.info("started", run=run, objects=len(objects))
    except ClientError as error:
        if error_code(error) != "ExecutionAlreadyExists":
            raise
        log.info("duplicate", run=run)
