"""The instances of every variant of one endpoint config."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from localcloud.sagemaker.capture import Payload
from localcloud.sagemaker.endpoints.instance import Instance, InstanceUnhealthy
from localcloud.sagemaker.endpoints.model_data import ModelDataError
from localcloud.sagemaker.endpoints.models import VariantSpec
from localcloud.sagemaker.jobs.role import RoleRefused

if TYPE_CHECKING:
    from localcloud.images import Image
    from localcloud.sagemaker.endpoints.data_capture import DataCapture

_MAX_REASON = 1024


class FleetUnhealthy(Exception):
    """An instance did not come up; the message is the endpoint's FailureReason."""


class VariantFleet:
    """The instances of one variant. `add_instance` makes one more, not yet started."""

    def __init__(self, spec: VariantSpec, image: Image, add_instance: Callable[[VariantSpec, Image], Instance]) -> None:
        self.spec = spec
        self.image = image
        self.instances: tuple[Instance, ...] = ()
        self._starting: tuple[Instance, ...] = ()
        self._add_instance = add_instance
        self._turn = itertools.count()
        self.capture: DataCapture | None = None
        self._shadow: VariantFleet | None = None
        self._shadow_credit = 0.0
        self._resolved = time.time()

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    def weight(self) -> float:
        return self.spec.weight

    def set_weight(self, weight: float) -> None:
        self.spec = replace(self.spec, weight=weight)

    def be_shadowed_by(self, shadow: VariantFleet) -> None:
        self._shadow = shadow

    def capture_inference(self, headers: Mapping[str, str], request: bytes, content_type: str, response: bytes) -> None:
        """Lets data capture, if there is any, have one answered request."""
        if self.capture is not None:
            answer = Payload(content_type=content_type, body=response)
            self.capture.record(self.name, self.spec.role_arn, headers, request, answer)

    def next_shadow(self) -> VariantFleet | None:
        """The shadow variant, when it is to get a copy of the next request: in the ratio of its weight to this one's.

        Evenly spread, not random: of n requests, the ratio times n are copied. Used from one event loop.
        """
        if self._shadow is None or not self.weight:
            return None
        self._shadow_credit += min(1.0, self._shadow.weight / self.weight)
        if self._shadow_credit < 1.0 - 1e-9:
            return None
        self._shadow_credit -= 1.0
        return self._shadow

    def scale(self, count: int, *, drain_seconds: float) -> None:
        """Starts or stops instances until there are `count`. Raises FleetUnhealthy; then nothing has changed."""
        new = [self._add_instance(self.spec, self.image) for _ in range(count - len(self.instances))]
        self._starting = tuple(new)
        try:
            _each(new, lambda instance: self._start(instance))
        except BaseException:
            _each(new, lambda instance: instance.stop(drain_seconds=0))
            raise
        finally:
            self._starting = ()
        surplus = self.instances[count:]
        self.instances = (*self.instances[:count], *new)
        self.spec = replace(self.spec, count=count)
        _each(surplus, lambda instance: instance.stop(drain_seconds=drain_seconds))

    def renew(self, *, drain_seconds: float) -> None:
        """Replaces the instances one by one: the new one serves before the old one is stopped.

        Raises FleetUnhealthy; then the instances that are left are the old ones.
        """
        for old in self.instances:
            self.scale(len(self.instances) + 1, drain_seconds=drain_seconds)
            kept = tuple(instance for instance in self.instances if instance is not old)
            self.instances, self.spec = kept, replace(self.spec, count=len(kept))
            old.stop(drain_seconds=drain_seconds)

    async def admit(self, size: int) -> None:
        """Lets in a request of so many bytes, before `pick`; serverless variants may refuse, or have to wake up."""

    def reconfigure(self, update: dict[str, Any]) -> None:
        """Serverless variants only (see `serverless`)."""
        raise TypeError(f"variant {self.name} is not serverless: {update}")

    def pick(self) -> Instance | None:
        """The ready instance with the fewest requests in flight, by turns among equals; None when none is ready.

        It is acquired: whoever got it has to release it.
        """
        ready = [instance for instance in self.instances if instance.ready]
        start = next(self._turn) % max(1, len(ready))
        for instance in sorted(ready[start:] + ready[:start], key=lambda instance: instance.in_flight):
            if instance.acquire():
                return instance
        return None

    def abandon_starting(self) -> None:
        """Ends what is starting, at once; the `scale` in progress raises FleetUnhealthy soon."""
        for instance in self._starting:
            instance.abandon()

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
    """Everything that serves one endpoint config. `captures` are ended with it."""

    def __init__(self, variants: Sequence[VariantFleet], *, captures: Sequence[DataCapture] = ()) -> None:
        self.variants = tuple(variant for variant in variants if not variant.spec.shadow)
        self.shadows = tuple(variant for variant in variants if variant.spec.shadow)
        for variant in self.variants:
            for shadow in self.shadows:
                variant.be_shadowed_by(shadow)
        self.captures = tuple(captures)
        for variant in self._all:
            variant.capture = variant.capture or next(iter(captures), None)

    @property
    def size(self) -> int:
        """The instances of its smallest variant: sizes of a deployment refer to each variant."""
        return min(sum(len(part.instances) for part in parts) for parts in self._parts())

    @property
    def _all(self) -> tuple[VariantFleet, ...]:
        return (*self.variants, *self.shadows)

    @property
    def wanted(self) -> int:
        """`size`, once it is started."""
        return min(variant.spec.count for variant in self.variants)

    def start(self) -> None:
        """Starts every instance. Raises FleetUnhealthy after stopping those that had come up."""
        try:
            _each(self._all, lambda variant: variant.scale(variant.spec.count, drain_seconds=0))
        except BaseException:
            self.stop(drain_seconds=0)
            raise

    def scale(self, count: int, *, drain_seconds: float) -> None:
        """Gives every production variant `count` instances, and shadows theirs. Raises FleetUnhealthy."""
        for shadow in self.shadows:
            shadow.scale(shadow.spec.count, drain_seconds=drain_seconds)
        for first, *others in self._parts():
            # Of a mixture, the first fleet grows, and the others make way.
            left = max(0, count - len(first.instances))
            for other in others:
                size = min(left, len(other.instances))
                other.scale(size, drain_seconds=drain_seconds)
                left -= size
            first.scale(min(count, len(first.instances)) + left, drain_seconds=drain_seconds)

    def renew(self, *, drain_seconds: float) -> None:
        """Replaces every instance behind a variant, one by one of each. Raises FleetUnhealthy.

        Serverless variants have no instances to keep.
        """
        for variant in self._all:
            if variant.spec.serverless is None:
                variant.renew(drain_seconds=drain_seconds)

    def change(self, desired: Sequence[dict[str, Any]], *, drain_seconds: float) -> None:
        """Applies DesiredWeightsAndCapacities. Raises FleetUnhealthy; then nothing has changed."""
        variants = {variant.name: variant for variant in self._all}
        counts = [
            (variants[entry["VariantName"]], entry["DesiredInstanceCount"])
            for entry in desired
            if "DesiredInstanceCount" in entry
        ]
        grown: list[tuple[VariantFleet, int]] = []
        try:
            for variant, count in counts:
                if count > (before := len(variant.instances)):
                    variant.scale(count, drain_seconds=drain_seconds)
                    grown.append((variant, before))
        except FleetUnhealthy:
            for variant, before in grown:
                variant.scale(before, drain_seconds=drain_seconds)
            raise
        for variant, count in counts:  # what cannot fail comes last
            variant.scale(count, drain_seconds=drain_seconds)
        for entry in desired:
            if "DesiredWeight" in entry:
                variants[entry["VariantName"]].set_weight(entry["DesiredWeight"])
            if "ServerlessUpdateConfig" in entry:
                variants[entry["VariantName"]].reconfigure(entry["ServerlessUpdateConfig"])

    def abandon_starting(self) -> None:
        """Ends the servers that are starting; the `start` in progress raises FleetUnhealthy soon."""
        for variant in self._all:
            variant.abandon_starting()

    def stop(self, *, drain_seconds: float) -> None:
        _each(self._all, lambda variant: variant.stop(drain_seconds=drain_seconds))
        for capture in self.captures:
            capture.close()

    def _parts(self) -> list[list[VariantFleet]]:
        """The fleets of each variant: one, or several in a mixture."""
        names = dict.fromkeys(variant.name for variant in self.variants)
        return [[variant for variant in self.variants if variant.name == name] for name in names]

    def shadow_summaries(self) -> list[dict[str, Any]]:
        """ShadowProductionVariants of DescribeEndpoint."""
        return [shadow.summary() for shadow in self.shadows]

    def summaries(self) -> list[dict[str, Any]]:
        """One ProductionVariantSummary a variant; a mixture has two fleets of one variant."""
        merged: dict[str, dict[str, Any]] = {}
        for variant in self.variants:
            summary = variant.summary()
            merged[variant.name] = _merge(merged[variant.name], summary) if variant.name in merged else summary
        return list(merged.values())

    def specs(self) -> list[dict[str, Any]]:
        """What brings the same fleet up again."""
        return [variant.spec.document() for variant in self._all]


def mix(first: Fleet, *others: Fleet) -> Fleet:
    """What is left of several fleets as one: weights are divided by instances, the first fleet's shadows stay."""
    fleets = (first, *others)
    parts = [variant for fleet in fleets for variant in fleet.variants if variant.instances]
    for part in parts:
        total = sum(len(other.instances) for other in parts if other.name == part.name)
        part.set_weight(part.weight * len(part.instances) / total)
    mixture = Fleet([*parts, *first.shadows], captures=[capture for fleet in fleets for capture in fleet.captures])
    for other in others:
        _each(other.shadows, lambda shadow: shadow.stop(drain_seconds=0))
    return mixture


def _merge(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """The summary of a variant of which there are two fleets."""
    added = ("CurrentWeight", "DesiredWeight", "CurrentInstanceCount", "DesiredInstanceCount", "DeployedImages")
    return {member: value + other[member] if member in added else value for member, value in one.items()}


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
