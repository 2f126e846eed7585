"""One CloudWatch log stream of a container."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from typing import Any

from botocore.exceptions import ClientError

from localcloud.containers.shipping import Shipper

log = logging.getLogger(__name__)

# PutLogEvents: at most 10,000 events and 1,048,576 bytes a batch, 26 bytes counted for each event.
_MAX_EVENTS = 10_000
_MAX_BYTES = 1_048_576
_EVENT_OVERHEAD = 26

Event = dict[str, Any]


class LogStream:
    """Creates the log group and the stream with the first line, then appends to it.

    The client acts for the job's role: as on AWS, a role that may not write logs gives a job without logs.

    Args:
        connect: makes the CloudWatch Logs client; called once, when the first line is there.
    """

    def __init__(
        self, connect: Callable[[], Any], *, group: str, stream: str, clock: Callable[[], float] = time.time
    ) -> None:
        self.group, self.stream = group, stream
        self._connect = connect
        self._client: Any = None
        self._refused = False
        self._clock = clock
        self._shipper: Shipper[Event] = Shipper(self._deliver, name=f"{group}/{stream}")

    def write(self, line: str) -> None:
        """Appends one line; an empty line becomes a space, because PutLogEvents refuses empty messages."""
        self._shipper.put({"timestamp": int(self._clock() * 1000), "message": line or " "})

    def end(self) -> None:
        """No line will follow; does not wait until they are sent."""
        self._shipper.end()

    def close(self, timeout: float | None = None) -> None:
        """Returns when every line has been sent, or after `timeout` seconds."""
        self._shipper.close(timeout)

    def _deliver(self, events: list[Event]) -> None:
        if self._refused:
            return
        try:
            self._send(events)
        except ClientError as error:
            if error.response["Error"]["Code"] not in ("AccessDenied", "AccessDeniedException"):
                raise
            self._refused = True
            log.warning("%s/%s gets no logs: %s", self.group, self.stream, error)

    def _send(self, events: list[Event]) -> None:
        if self._client is None:
            client = self._connect()
            create_stream(client, self.group, self.stream)
            self._client = client
        for batch in batches(events):
            self._client.put_log_events(logGroupName=self.group, logStreamName=self.stream, logEvents=batch)


def create_stream(client: Any, group: str, stream: str) -> None:
    """Creates the stream, and the group where it is missing."""
    try:
        _create_stream(client, group, stream)
    except client.exceptions.ResourceNotFoundException:
        _unless_exists(client, lambda: client.create_log_group(logGroupName=group))
        _create_stream(client, group, stream)


def batches(events: list[Event]) -> Iterator[list[Event]]:
    """Cuts events into what one PutLogEvents call takes, in order."""
    batch: list[Event] = []
    size = 0
    for event in events:
        needed = len(event["message"].encode()) + _EVENT_OVERHEAD
        if batch and (len(batch) == _MAX_EVENTS or size + needed > _MAX_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(event)
        size += needed
    if batch:
        yield batch


def _create_stream(client: Any, group: str, stream: str) -> None:
    _unless_exists(client, lambda: client.create_log_stream(logGroupName=group, logStreamName=stream))


def _unless_exists(client: Any, create: Callable[[], Any]) -> None:
    try:
        create()
    except client.exceptions.ResourceAlreadyExistsException:
        return
