"""Serverless variants: servers that start with a request and end when none came for a while.

https://docs.aws.amazon.com/sagemaker/latest/dg/serverless-endpoints.html. On one machine a server takes several
requests at a time, so a variant has one of them, or as many as ProvisionedConcurrency asks to be kept warm.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from localcloud.sagemaker.endpoints.errors import InvocationError
from localcloud.sagemaker.endpoints.fleet import FleetUnhealthy, VariantFleet
from localcloud.sagemaker.endpoints.models import VariantSpec

if TYPE_CHECKING:
    from localcloud.images import Image
    from localcloud.sagemaker.endpoints.instance import Instance

log = logging.getLogger(__name__)

MAX_BODY_BYTES = 4_194_304  # "the maximum payload size is 4 MB"
_LOOK_SECONDS = 1.0
_DRAIN_SECONDS = 5.0


class ServerlessFleet(VariantFleet):
    """A deployment starts it once, to see that its model works; after ``idle_seconds`` without a request it sleeps."""

    idle_seconds = 300.0

    def __init__(self, spec: VariantSpec, image: Image, add_instance: Callable[[VariantSpec, Image], Instance]) -> None:
        super().__init__(spec, image, add_instance)
        self._used = time.monotonic()
        self._cold: asyncio.Task[None] | None = None
        self._waiting = 0
        self._scaling = threading.Lock()
        self._stopped = threading.Event()
        self._watcher: threading.Thread | None = None

    async def admit(self, size: int) -> None:
        """Refuse what is too large or too much at a time; wake up. Raises InvocationError."""
        if size > MAX_BODY_BYTES:
            raise InvocationError(413, None, f"HTTP content length exceeded {MAX_BODY_BYTES} bytes.")
        limit = self._configuration["MaxConcurrency"]
        if self._waiting + sum(instance.in_flight for instance in self.instances) >= limit:
            raise InvocationError(
                429,
                "ThrottlingException",
                f"Rate exceeded: variant {self.name} handles {limit} concurrent invocations (MaxConcurrency).",
            )
        self._used = time.monotonic()
        if any(instance.ready for instance in self.instances):
            return
        if self._cold is None or self._cold.done():
            self._cold = asyncio.ensure_future(asyncio.to_thread(self._wake))
        self._waiting += 1
        try:
            await asyncio.shield(self._cold)
        except FleetUnhealthy as error:
            raise InvocationError(
                424, "ModelError", str(error), OriginalStatusCode=0, OriginalMessage=str(error), LogStreamArn=""
            ) from error
        finally:
            self._waiting -= 1

    def scale(self, count: int, *, drain_seconds: float) -> None:
        """As that of any variant; what is more than is kept warm ends when it is idle."""
        super().scale(count, drain_seconds=drain_seconds)
        if len(self.instances) > self._kept and (self._watcher is None or not self._watcher.is_alive()):
            self._used = time.monotonic()
            self._watcher = threading.Thread(target=self._watch, name=f"serverless-{self.name}", daemon=True)
            self._watcher.start()

    def reconfigure(self, update: dict[str, Any]) -> None:
        """Apply a ServerlessUpdateConfig. Raises FleetUnhealthy."""
        with self._scaling:
            self.spec = replace(self.spec, serverless={**self._configuration, **update})
            if len(self.instances) < self._kept:
                self._resize(self._kept)

    def stop(self, *, drain_seconds: float) -> None:
        self._stopped.set()
        super().stop(drain_seconds=drain_seconds)

    def summary(self) -> dict[str, Any]:
        """ProductionVariantSummary, with what is wanted beside what is."""
        return {**super().summary(), "DesiredServerlessConfig": self.spec.serverless}

    @property
    def _configuration(self) -> dict[str, Any]:
        return self.spec.serverless or {}

    @property
    def _kept(self) -> int:
        return self._configuration.get("ProvisionedConcurrency", 0)

    def _wake(self) -> None:
        with self._scaling:
            if not self._stopped.is_set() and not self.instances:
                self._resize(max(1, self._kept))

    def _resize(self, count: int) -> None:
        """Sleeping and waking are not what was asked of the variant, so its specification stays."""
        spec = self.spec
        try:
            self.scale(count, drain_seconds=_DRAIN_SECONDS)
        finally:
            self.spec = spec

    def _watch(self) -> None:
        while not self._stopped.wait(min(_LOOK_SECONDS, self.idle_seconds)):
            with self._scaling:
                if self._is_idle():
                    log.info("serverless variant %s sleeps", self.name)
                    self._resize(self._kept)
                    return

    def _is_idle(self) -> bool:
        busy = self._waiting or any(instance.in_flight for instance in self.instances)
        return not busy and time.monotonic() - self._used >= self.idle_seconds
