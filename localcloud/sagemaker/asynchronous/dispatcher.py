"""Gives waiting requests to instances, as many at a time as these take, and publishes the state of the queues."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

from localcloud.sagemaker.asynchronous.backlog import Backlog
from localcloud.sagemaker.asynchronous.invocation import Invocation, NotBegun, Role
from localcloud.sagemaker.asynchronous.metrics import AsyncMetrics
from localcloud.sagemaker.endpoints.fleet import VariantFleet
from localcloud.sagemaker.store import NotFound, Store

log = logging.getLogger(__name__)

Document = dict[str, Any]

# "If no value is provided, SageMaker chooses an optimal value": on one machine, a few.
_DEFAULT_CONCURRENCY = 4
_POLL_SECONDS = 0.1
_GAUGE_SECONDS = 60.0
_CLOSE_SECONDS = 1.0


class Variants(Protocol):
    """What serves an endpoint now; nothing while it does not serve."""

    def __call__(self, endpoint: str) -> tuple[VariantFleet, ...]: ...


class Dispatcher:
    """One thread that hands out, one more for every request that runs.

    Args:
        role: the execution role of a variant's model. ``now`` gives epoch seconds.
    """

    def __init__(
        self,
        store: Store,
        backlog: Backlog,
        *,
        variants: Variants,
        role: Callable[[str | None], Role],
        metrics: AsyncMetrics,
        region: str,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._store, self._backlog, self._variants = store, backlog, variants
        self._role, self._metrics, self._region, self._now = role, metrics, region, now
        self._closing = threading.Event()
        self._next_gauges = 0.0
        self._thread = threading.Thread(target=self._run, name="async-inference", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """What runs is left to the next start."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join(_CLOSE_SECONDS)
        self._metrics.close(_CLOSE_SECONDS)

    def _run(self) -> None:
        while not self._closing.wait(_POLL_SECONDS):
            try:
                self.dispatch()
                if self._now() >= self._next_gauges:
                    self._next_gauges = self._now() + _GAUGE_SECONDS
                    self.publish_gauges()
            except Exception:  # the next round tries again
                log.exception("asynchronous inference")

    def dispatch(self) -> None:
        """Begin what can begin."""
        for endpoint in self._backlog.endpoints():
            configuration = self._configuration(endpoint)
            if configuration is None:
                self._backlog.forget(endpoint)
                continue
            for variant in self._variants(endpoint)[:1]:
                self._hand_out(endpoint, variant, configuration)

    def publish_gauges(self) -> None:
        """The state of every asynchronous endpoint's queue."""
        for document in self._store.list("endpoint"):
            name = document["EndpointName"]
            if "AsyncInferenceConfig" in document.get("_ServingConfig", {}):
                self._metrics.gauges(
                    name,
                    backlog=self._backlog.size(name),
                    instances=sum(len(variant.instances) for variant in self._variants(name)),
                    oldest=self._backlog.oldest(name),
                    now=self._now(),
                )

    def _configuration(self, endpoint: str) -> Document | None:
        try:
            return self._store.get("endpoint", endpoint)["_ServingConfig"].get("AsyncInferenceConfig")
        except NotFound:
            return None

    def _hand_out(self, endpoint: str, variant: VariantFleet, configuration: Document) -> None:
        each = configuration.get("ClientConfig", {}).get("MaxConcurrentInvocationsPerInstance", _DEFAULT_CONCURRENCY)
        ready = [instance for instance in variant.instances if instance.ready]
        free = each * len(ready) - self._backlog.running(endpoint)
        # Without an instance, requests still grow too old.
        while (request := self._backlog.take(endpoint)) is not None:
            invocation = Invocation(
                request, configuration, self._role(variant.spec.role_arn), region=self._region, now=self._now
            )
            if self._now() >= request["ExpiryTime"]:
                outcome = invocation.expired()
                invocation.complete(outcome)
                self._finish(request, variant.name, outcome.metrics)
            elif free <= 0:
                self._backlog.put_back(request)
                return
            else:
                free -= 1
                arguments = (request, invocation, variant)
                threading.Thread(target=self._process, args=arguments, name=f"async-{endpoint}", daemon=True).start()

    def _process(self, request: Document, invocation: Invocation, variant: VariantFleet) -> None:
        instance = variant.pick()
        if instance is None:
            self._backlog.put_back(request)
            return
        try:
            outcome = invocation.invoke(instance.address)
        except NotBegun:
            self._closing.wait(_POLL_SECONDS)
            self._backlog.put_back(request)
            return
        finally:
            instance.release()
        if self._closing.is_set():
            return  # its instance may have been ended with the cloud: the next start runs it again
        invocation.complete(outcome)
        self._finish(request, variant.name, outcome.metrics)

    def _finish(self, request: Document, variant: str, values: dict[str, float]) -> None:
        self._backlog.finish(request)
        self._metrics.record(request["EndpointName"], variant, values, self._now())
