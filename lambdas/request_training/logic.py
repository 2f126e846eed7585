"""From a batch of events to at most one run of the workload at a time.

An event does not start a run: it marks a request in the workload's table, and the request is looked at when its time
has come. What was marked stays pending until a run has taken it up, so a function that dies, at whatever point, loses
nothing: its messages are delivered again, and every step of it may be done twice.
"""

import hashlib
import json
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from shared import descriptor as descriptors
from shared.descriptor import Descriptor
from shared.errors import InvalidInput, UnknownWorkload
from shared.log import Log

from request_training.events import Delivery, Deployed, Due, Ended, NotInLayout, Redrive, Retraining, read
from request_training.records import DEPLOYMENT, REDRIVE, Ask, TrainingRequest
from request_training.runs import Runs
from request_training.services import Services

LONGEST_COLLECTION_SECONDS = 120
"""A stream of uploads that never pauses for the debounce time waits no longer than this for its run."""

LONGEST_REMINDER_SECONDS = 900


def handle_batch(records: list[dict[str, Any]], *, services: Services, log: Log) -> list[str]:
    """Marks and starts what the batch asks for; the ids of the messages that must be delivered again."""
    failed: list[str] = []
    by_dataset: dict[str, list[Delivery]] = defaultdict(list)
    others: list[Retraining | Deployed | Redrive | Ended | Due] = []
    for record in records:
        try:
            event = read(record)
            if isinstance(event, Delivery):
                by_dataset[f"{event.bucket}/{event.workload}/{event.dataset}"].append(event)
            else:
                others.append(event)
        except NotInLayout as reason:
            log.info("ignored", message_id=record["messageId"], reason=str(reason))
        except InvalidInput as error:
            log.error("not an event of this queue", message_id=record["messageId"], reason=str(error))
            failed.append(record["messageId"])
    batch = _Batch(services, log)
    for deliveries in by_dataset.values():
        failed += batch.attempt(batch.objects_landed, deliveries)
    for event in others:
        failed += batch.attempt(batch.told, [event])
    return failed


class _Batch:
    """What the parts of a batch have in common."""

    def __init__(self, services: Services, log: Log) -> None:
        self._services, self._log, self._records = services, log, services.records

    def attempt(self, function: Callable[[list[Any]], None], events: list[Any]) -> list[str]:
        """The messages of `events`, when they must be delivered again: one failure must not keep back the others."""
        try:
            function(events)
        except Exception as error:  # SQS delivers it again, and at last moves it to the dead-letter queue
            self._log.error("failed", error=type(error).__name__, reason=str(error), event=type(events[0]).__name__)
            return [event.message_id for event in events]
        return []

    def objects_landed(self, deliveries: list[Delivery]) -> None:
        """All of one data set."""
        first, services = deliveries[0], self._services
        log = self._log.bind(workload=first.workload, dataset=first.dataset)
        try:
            descriptor = descriptors.read(services.ssm, path=services.workloads_path, workload=first.workload)
        except UnknownWorkload as reason:
            log.info("ignored", reason=str(reason))
            return
        channels = descriptor["data"]["channels"]
        wanted = [d for d in deliveries if d.channel is None or d.channel in channels]
        if first.bucket != descriptor["data"]["bucket"] or not wanted:
            reason = f"not in a channel of the workload ({', '.join(sorted(channels))})"
            log.info("ignored", reason=reason, key=first.key)
            return
        ask = Ask(id=first.dataset, dataset=first.dataset, hyperparameters={})
        news = [d for d in wanted if self._records.is_news(d.key, d.sequencer)]
        if news:
            # Marked before it is remembered: killed in between, the event is delivered again and marks again.
            request = self._records.mark(ask)
            for delivery in news:
                self._records.remember(delivery.key, delivery.sequencer)
            self._collect(request, descriptor, log)
        else:
            log.info("known", events=len(wanted))
            self._resume(ask.id, descriptor, log)

    def told(self, events: list[Retraining | Deployed | Redrive | Ended | Due]) -> None:
        """One event about requests or runs."""
        (event,) = events
        services = self._services
        descriptor = descriptors.read(services.ssm, path=services.workloads_path, workload=services.workload)
        log = self._log.bind(workload=services.workload)
        if isinstance(event, Retraining | Deployed | Redrive):
            ask = _ask(event)
            self._collect(self._records.mark(ask), descriptor, log.bind(request=ask.id))
        elif isinstance(event, Ended):
            services.lease(descriptor).release(event.run, ended=event.at)
            waiting = self._records.pending()
            log.info("run ended", run=event.run, waiting=len(waiting))
            for place, request in enumerate(waiting):  # one message each: what fails in one keeps back no other
                services.remind(request.ask.id, request.revision, seconds=min(place, LONGEST_REMINDER_SECONDS))
        else:
            log = log.bind(request=event.request)
            self._due(event, Runs(services, descriptor, log), log)

    def _collect(self, request: TrainingRequest, descriptor: Descriptor, log: Log) -> None:
        """Looks at a request that was just marked: now, or when nothing more has come for the debounce time."""
        seconds, runs = descriptor["triggers"]["debounce_seconds"], Runs(self._services, descriptor, log)
        if seconds and not runs.is_announced(request):
            self._services.remind(request.ask.id, request.revision, seconds=seconds)
        else:
            # Read again: whoever has marked it meanwhile looks at it, too.
            due = Due(message_id="", request=request.ask.id, revision=request.revision)
            self._due(due, runs, log)

    def _resume(self, request_id: str, descriptor: Descriptor, log: Log) -> None:
        """An event that came again: perhaps because a function died before it had done what the event asks for."""
        request = self._records.get(request_id)
        if request and request.pending:
            self._collect(request, descriptor, log)

    def _due(self, due: Due, runs: Runs, log: Log) -> None:
        request = self._records.get(due.request)
        if request is None or not request.pending:
            log.info("nothing to do")
            return
        collected_since = time.time() - request.since
        if request.revision != due.revision and collected_since < LONGEST_COLLECTION_SECONDS:
            log.info("collecting", revision=request.revision)  # what came since has a reminder of its own
            return
        runs.start(request)


def _ask(event: Retraining | Deployed | Redrive) -> Ask:
    """Requests for the same are one, as long as no run has taken them up."""
    if isinstance(event, Deployed):
        return Ask(id=DEPLOYMENT, dataset=None, hyperparameters={}, token=event.id)
    if isinstance(event, Redrive):
        return Ask(id=f"{REDRIVE}/{event.run}", dataset=None, hyperparameters={})
    wanted = json.dumps([event.dataset, event.hyperparameters], sort_keys=True)
    kind = hashlib.sha256(wanted.encode()).hexdigest()[:12]
    return Ask(
        id=f"again/{event.dataset or 'newest'}/{kind}",
        dataset=event.dataset,
        hyperparameters=event.hyperparameters,
        token=event.id,
    )
