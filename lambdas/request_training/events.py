"""What an SQS record of this queue holds, and where in the data bucket's layout an object lies."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from shared import strict_json
from shared.errors import InvalidInput
from shared.fields import take, take_matching
from shared.names import DATASET, RUN, WORKLOAD

REQUEST_FILE = "request.json"
SOURCE, DUE, REQUESTED, REDRIVE = "slipway", "Training Due", "Training Requested", "Redrive Requested"


class NotInLayout(Exception):
    """The object lies outside the data bucket's layout: it starts nothing. The message is the reason."""


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """One object that landed. `channel` is None for the data set's request.json; `sequencer` orders the events of one
    key.
    """

    message_id: str
    bucket: str
    key: str
    workload: str
    dataset: str
    channel: str | None
    sequencer: str | None


@dataclass(frozen=True, kw_only=True)
class Retraining:
    """A schedule, an alarm or a caller of the API wants a run whether or not there is new data. `dataset` None: the
    newest.
    """

    message_id: str
    id: str
    dataset: str | None
    hyperparameters: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Deployed:
    """The workload's stack was deployed: worth a run if that changed what runs are made with."""

    message_id: str
    id: str


@dataclass(frozen=True, kw_only=True)
class Redrive:
    """A person wants a run that failed to go on from the state that failed."""

    message_id: str
    run: str


@dataclass(frozen=True, kw_only=True)
class Ended:
    """A run of the train machine ended, at `at` in seconds of the epoch."""

    message_id: str
    run: str
    at: float


@dataclass(frozen=True, kw_only=True)
class Due:
    """A recorded request is to be looked at, as of `revision`."""

    message_id: str
    request: str
    revision: int


Event = Delivery | Retraining | Deployed | Redrive | Ended | Due


def read(record: dict[str, Any]) -> Event:
    """The event in an SQS record. `InvalidInput` for what is none of ours, `NotInLayout` for an object elsewhere.

    The body is an EventBridge event, or one in its form that this function sent itself.
    """
    try:
        event = strict_json.loads(take(record, "body", str, where="record").encode())
    except ValueError as error:
        raise InvalidInput(f"record.body is not JSON: {error}") from error
    kind = take(event, "source", str, where="event"), take(event, "detail-type", str, where="event")
    if kind not in _READERS:
        raise InvalidInput(f"event is {kind[0]!r} {kind[1]!r}, expected one of {sorted(_READERS)}")
    return _READERS[kind](record["messageId"], event, take(event, "detail", dict, where="event"))


def _object_created(message_id: str, _: dict[str, Any], detail: dict[str, Any]) -> Delivery:
    """S3 user guide, "EventBridge event message structure"; its key is not URL-encoded."""
    bucket = take(take(detail, "bucket", dict, where="event.detail"), "name", str, where="event.detail.bucket")
    item = take(detail, "object", dict, where="event.detail")
    key = take(item, "key", str, where="event.detail.object")
    sequencer = take(item, "sequencer", str, where="event.detail.object") if "sequencer" in item else None
    workload, dataset, channel = place(key)
    return Delivery(
        message_id=message_id,
        bucket=bucket,
        key=key,
        workload=workload,
        dataset=dataset,
        channel=channel,
        sequencer=sequencer,
    )


def _again(message_id: str, event: dict[str, Any], _: dict[str, Any]) -> Retraining:
    """A schedule or an alarm: the rule of the queue says which alarm, and in which state."""
    return Retraining(message_id=message_id, id=take(event, "id", str, where="event"), dataset=None, hyperparameters={})


def _deployed(message_id: str, event: dict[str, Any], _: dict[str, Any]) -> Deployed:
    """CloudFormation user guide, "Stack Status Change event detail"; the rule of the queue says which stack and
    status.
    """
    return Deployed(message_id=message_id, id=take(event, "id", str, where="event"))


def _requested(message_id: str, _: dict[str, Any], detail: dict[str, Any]) -> Retraining:
    where = "event.detail"
    named = detail.get("dataset") is not None
    return Retraining(
        message_id=message_id,
        id=take(detail, "request_id", str, where=where),
        dataset=take_matching(detail, "dataset", DATASET, where=where) if named else None,
        hyperparameters={
            name: take(detail["hyperparameters"], name, str, where=f"{where}.hyperparameters")
            for name in take(detail, "hyperparameters", dict, where=where)
        },
    )


def _redrive(message_id: str, _: dict[str, Any], detail: dict[str, Any]) -> Redrive:
    return Redrive(message_id=message_id, run=take_matching(detail, "run", RUN, where="event.detail"))


def _execution_ended(message_id: str, _: dict[str, Any], detail: dict[str, Any]) -> Ended:
    where = "event.detail"
    run = take_matching(detail, "name", RUN, where=where)
    return Ended(message_id=message_id, run=run, at=take(detail, "stopDate", int, where=where) / 1000)


def _due(message_id: str, _: dict[str, Any], detail: dict[str, Any]) -> Due:
    where = "event.detail"
    request, revision = take(detail, "request", str, where=where), take(detail, "revision", int, where=where)
    return Due(message_id=message_id, request=request, revision=revision)


_READERS: dict[tuple[str, str], Callable[[str, dict[str, Any], dict[str, Any]], Event]] = {
    ("aws.s3", "Object Created"): _object_created,
    ("aws.cloudwatch", "CloudWatch Alarm State Change"): _again,
    ("aws.cloudformation", "CloudFormation Stack Status Change"): _deployed,
    ("aws.events", "Scheduled Event"): _again,
    ("aws.states", "Step Functions Execution Status Change"): _execution_ended,
    (SOURCE, REQUESTED): _requested,
    (SOURCE, REDRIVE): _redrive,
    (SOURCE, DUE): _due,
}


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
