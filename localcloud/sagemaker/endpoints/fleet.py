"""The instances of every variant of one endpoint config."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from localcloud.sagemaker.endpoints.instance import Instance, InstanceUnhealthy
from localcloud.sagemaker.endpoints.model_data import ModelDataError
from localcloud.sagemaker.endpoints.models import VariantSpec
from localcloud.sagemaker.jobs.role import RoleRefused

if TYPE_CHECKING:
    from localcloud.images import Image

_MAX_REASON = 1024


class FleetUnhealthy(Exception):
    """An instance did not come up; the message is the endpoint's FailureReason."""


class VariantFleet:
    """The instances of one variant. `add_instance` makes one more, not yet started."""

    def __init__(self, spec: VariantSpec, image: Image, add_instance: Callable[[VariantSpec, Image], Instance]) -> None:
        self.spec = spec
        self.image = image
        self.instances: tuple[Instance, ...] = ()
        self._add_instance = add_instance
        self._turn = itertools.count()
        self._resolved = time.time()

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    def weight(self) -> float:
        return self.spec.weight

    def set_weight(self, weight: float) -> None:
        self.spec = replace(self.spec, weight=weight)

    def scale(self, count: int, *, drain_seconds: float) -> None:
        """Starts or stops instances until there are `count`. Raises FleetUnhealthy; then nothing has changed."""
        new = [self._add_instance(self.spec, self.image) for _ in range(count - len(self.instances))]
        try:
            _each(new, lambda instance: self._start(instance))
        except BaseException:
            _each(new, lambda instance: instance.stop(drain_seconds=0))
            raise
        surplus = self.instances[count:]
        self.instances = (*self.instances[:count], *new)
        self.spec = replace(self.spec, count=count)
        _each(surplus, lambda instance: instance.stop(drain_seconds=drain_seconds))

    def pick(self) -> Instance | None:
        """The ready instance with the fewest requests in flight, by turns among equals; None when none is ready."""
        ready = [instance for instance in self.instances if instance.ready]
        if not ready:
            return None
        start = next(self._turn) % len(ready)
        return min(ready[start:] + ready[:start], key=lambda instance: instance.in_flight)

    def stop(self, *, drain_seconds: float) -> None:
        _each(self.instances, lambda instance: instance.stop(drain_seconds=drain_seconds))

    def summary(self) -> dict[str, Any]:
        """ProductionVariantSummary."""
        deployed = {"SpecifiedImage": self.spec.image, "ResolvedImage": _resolved(self.image)}
        summary: dict[str, Any] = {
            "VariantName": self.name,
            "DeployedImages": [{**deployed, "ResolutionTime": self._resolved}],
            "CurrentWeight": self.weight,
            "DesiredWeight": self.weight,
        }
        if self.spec.serverless is not None:
            return {**summary, "CurrentServerlessConfig": self.spec.serverless}
        return {**summary, "CurrentInstanceCount": len(self.instances), "DesiredInstanceCount": self.spec.count}

    def _start(self, instance: Instance) -> None:
        try:
            instance.start()
        except InstanceUnhealthy as error:
            raise FleetUnhealthy(
                f"The primary container for production variant {self.name} did not pass the ping health check."
                f" Please check CloudWatch logs for this endpoint. ({error})"[:_MAX_REASON]
            ) from error
        except (ModelDataError, RoleRefused) as error:
            raise FleetUnhealthy(f"{error}"[:_MAX_REASON]) from error


class Fleet:
    """Everything that serves one endpoint config."""

    def __init__(self, variants: Sequence[VariantFleet]) -> None:
        self.variants = tuple(variants)

    def start(self) -> None:
        """Starts every instance. Raises FleetUnhealthy after stopping those that had come up."""
        try:
            _each(self.variants, lambda variant: variant.scale(variant.spec.count, drain_seconds=0))
        except BaseException:
            self.stop(drain_seconds=0)
            raise

    def stop(self, *, drain_seconds: float) -> None:
        _each(self.variants, lambda variant: variant.stop(drain_seconds=drain_seconds))

    def summaries(self) -> list[dict[str, Any]]:
        return [variant.summary() for variant in self.variants]

    def specs(self) -> list[dict[str, Any]]:
        """What brings the same fleet up again."""
        return [variant.spec.document() for variant in self.variants]


def _each(items: Sequence[Any], act: Callable[[Any], None]) -> None:
    """Acts on all items at once and waits for all; raises what the first of them raised."""
    if len(items) == 1:
        act(items[0])
    elif items:
        with ThreadPoolExecutor(len(items)) as pool:
            outcomes = [pool.submit(act, item) for item in items]
        for outcome in outcomes:
            outcome.result()


def _resolved(image: Image) -> str:
    repository = image.uri.split("@")[0]
    last = repository.rsplit("/", 1)[-1]
    untagged = repository[: len(repository) - len(last)] + last.split(":")[0]
    return f"{untagged}@{image.digest}"
