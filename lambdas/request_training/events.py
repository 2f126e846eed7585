"""What an SQS record of this queue holds, and where in the data bucket's layout its object lies."""

from dataclasses import dataclass
from typing import Any

from shared import strict_json
from shared.errors import InvalidInput
from shared.fields import take
from shared.names import DATASET, WORKLOAD

REQUEST_FILE = "request.json"


class NotInLayout(Exception):
    """The object lies outside the data bucket's layout: it starts nothing. The message is the reason."""


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """One object that landed. `channel` is None for the data set's request.json."""

    message_id: str
    bucket: str
    key: str
    workload: str
    dataset: str
    channel: str | None


def read(record: dict[str, Any]) -> Delivery:
    """The delivery in an SQS record. `InvalidInput` for what is no such event, `NotInLayout` for an object elsewhere.

    The body is an EventBridge event of S3 (user guide, "EventBridge event message structure"); its key is not
    URL-encoded.
    """
    try:
        event = strict_json.loads(take(record, "body", str, where="record").encode())
    except ValueError as error:
        raise InvalidInput(f"record.body is not JSON: {error}") from error
    source, kind = take(event, "source", str, where="event"), take(event, "detail-type", str, where="event")
    if (source, kind) != ("aws.s3", "Object Created"):
        raise InvalidInput(f"event is {source!r} {kind!r}, expected 'aws.s3' 'Object Created'")
    detail = take(event, "detail", dict, where="event")
    bucket = take(take(detail, "bucket", dict, where="event.detail"), "name", str, where="event.detail.bucket")
    key = take(take(detail, "object", dict, where="event.detail"), "key", str, where="event.detail.object")
    workload, dataset, channel = place(key)
    return Delivery(
        message_id=record["messageId"], bucket=bucket, key=key, workload=workload, dataset=dataset, channel=channel
    )


def place(key: str) -> tuple[str, str, str | None]:
    """Workload, data set and channel of `{workload}/{dataset}/{channel}/{file}`; channel None for
    `{workload}/{dataset}/request.json`.
    """
    parts = key.split("/")
    if len(parts) < 3 or not parts[-1]:
        raise NotInLayout("the key is not {workload}/{dataset}/{channel}/{file} nor {workload}/{dataset}/request.json")
    workload, dataset, *rest = parts
    if not WORKLOAD.fullmatch(workload):
        raise NotInLayout(f"{workload[:64]!r} cannot be a workload's name")
    if not DATASET.fullmatch(dataset):
        raise NotInLayout(f"{dataset[:64]!r} cannot be a data set's name ({DATASET.pattern})")
    if rest == [REQUEST_FILE]:
        return workload, dataset, None
    if len(rest) < 2 or not rest[0]:
        raise NotInLayout(f"{rest[0]!r} lies beside the channels; only {REQUEST_FILE} may")
    return workload, dataset, rest[0]
