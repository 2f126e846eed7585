"""Creates, updates, deletes and recovers endpoints: one thread an operation.

What this finds in an endpoint's document is described in `resources/endpoint.py`; what it writes there, in `record.py`.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import threading
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from localcloud import clients
from localcloud.config import Config
from localcloud.containers.cleanup import remove_folder
from localcloud.sagemaker.endpoints import deployment
from localcloud.sagemaker.endpoints.deployment import RolledBack
from localcloud.sagemaker.endpoints.fleet import Fleet, FleetUnhealthy, VariantFleet
from localcloud.sagemaker.endpoints.instance import Instance
from localcloud.sagemaker.endpoints.invocation import MODEL_TIMEOUT_SECONDS, Invoker, Result
from localcloud.sagemaker.endpoints.metrics import InvocationMetrics
from localcloud.sagemaker.endpoints.models import ModelUnusable, VariantSpec, resolve_variants
from localcloud.sagemaker.endpoints.record import EndpointRecord
from localcloud.sagemaker.endpoints.routing import RouteTable, Share
from localcloud.sagemaker.jobs.role import Role
from localcloud.sagemaker.store import Store

if TYPE_CHECKING:
    from localcloud.images import Image, ImageRegistry

log = logging.getLogger(__name__)

_INTERNAL = "Request to service failed. If failure persists after retry, contact customer support."
_RECOVERY_POLL_SECONDS = 0.05
_METRICS_SECONDS = 1.0
_SHUTDOWN_POLL_SECONDS = 0.1
_SHUTDOWN_SECONDS = 5.0


class _Closing(Exception):
    """The embedded cloud shuts down: documents stay as they are, and `recover` goes on from them."""


class EndpointSupervisor:
    """Runs the endpoints whose documents are in the store. Every call returns at once, but `shutdown`."""

    def __init__(
        self, config: Config, store: Store, images: ImageRegistry, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._config, self._store, self._images = config, store, images
        self._record = EndpointRecord(store, clock)
        self._folder = config.state_dir / "sagemaker" / "endpoints"
        self._fleets: dict[str, Fleet] = {}
        self._tables: dict[str, RouteTable] = {}
        self._recovering: set[str] = set()
        self._instances: weakref.WeakSet[Instance] = weakref.WeakSet()
        self._threads: set[threading.Thread] = set()
        self._locks: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._metrics = InvocationMetrics(lambda: clients.root_client(config, "cloudwatch"))
        self._invoker = Invoker(config, routes=self._routes, record=self._metrics.record)

    def create(self, name: str) -> None:
        self._submit(name, self._create)

    def update(self, name: str) -> None:
        self._submit(name, self._update)

    def update_weights(self, name: str) -> None:
        self._submit(name, self._update_weights)

    def delete(self, name: str) -> None:
        self._submit(name, self._delete)

    async def invoke(self, name: str, headers: Mapping[str, str], body: bytes) -> Result:
        """Answers one request (lower-case header names). Raises InvocationError."""
        return await self._invoker.invoke(name, headers, body)

    def recover(self) -> None:
        """Brings back what served when the embedded cloud ended, and goes on with what was under way."""
        remove_folder(self._folder)
        for document in self._record.all():
            name, status = document["EndpointName"], document["EndpointStatus"]
            if status == "Deleting":
                self.delete(name)
            elif status == "Creating":
                self.create(name)
            elif status != "Failed":
                self._recovering.add(name)
                self._submit(name, self._bring_back)

    def shutdown(self) -> None:
        """Ends every server at once; documents are left to `recover`.

        A thread that waits for a service which has ended already is not waited for.
        """
        self._closing.set()
        self._abandon_instances()
        with self._lock:
            threads = list(self._threads)
        deadline = time.monotonic() + _SHUTDOWN_SECONDS
        for thread in threads:
            while thread.is_alive() and time.monotonic() < deadline:
                thread.join(_SHUTDOWN_POLL_SECONDS)
                self._abandon_instances()  # those that the thread has made since
        self._metrics.close(_METRICS_SECONDS)

    def _abandon_instances(self) -> None:
        for instance in list(self._instances):
            instance.abandon()

    def _submit(self, name: str, operation: Callable[[str], None]) -> None:
        thread = threading.Thread(target=self._run, args=(name, operation), name=f"endpoint-{name}", daemon=True)
        with self._lock:
            self._threads.add(thread)
            self._locks.setdefault(name, threading.Lock())
        thread.start()

    def _run(self, name: str, operation: Callable[[str], None]) -> None:
        try:
            with self._locks[name]:
                operation(name)
        except _Closing:
            log.info("endpoint %s is left to the next start", name)
        except Exception:
            log.exception("endpoint %s", name)
            self._record.settle(name, "InService" if name in self._tables else "Failed", _INTERNAL)
        finally:
            self._recovering.discard(name)
            with self._lock:
                self._threads.discard(threading.current_thread())

    def _create(self, name: str) -> None:
        config = self._record.read(name)["_TargetConfig"]
        try:
            fleet = self._start(name, resolve_variants(self._store, config))
        except (FleetUnhealthy, ModelUnusable) as error:
            self._record.settle(name, "Failed", str(error))
            return
        self._serve(name, fleet)
        self._record.commit(name, fleet)

    def _update(self, name: str) -> None:
        document = self._record.read(name)
        old, new = self._fleets[name], None
        try:
            specs = resolve_variants(self._store, document["_TargetConfig"])
            new = self._start(name, _retain(specs, old, document.get("_RetainVariantProperties", [])))
            self._shift_traffic(name, old, new, document.get("_DeploymentConfig"))
        except (FleetUnhealthy, ModelUnusable, RolledBack) as error:
            self._roll_back(name, old, new, str(error))
            return
        self._serve(name, new)
        self._record.commit(name, new)
        old.stop(drain_seconds=MODEL_TIMEOUT_SECONDS)

    def _shift_traffic(self, name: str, old: Fleet, new: Fleet, config: dict[str, Any] | None) -> None:
        instances = min(len(variant.instances) for variant in new.variants)
        alarms = deployment.alarm_names(config)
        deployment.execute(
            deployment.plan_steps(config, instances=instances),
            shift=lambda part: self._route(name, [Share(old, 1 - part), Share(new, part)]),
            wait=self._wait,
            ringing=lambda: self._ringing(alarms),
        )

    def _roll_back(self, name: str, old: Fleet, new: Fleet | None, reason: str) -> None:
        self._record.rolling_back(name)
        self._route(name, [Share(old, 1.0)])
        if new is not None:
            new.stop(drain_seconds=MODEL_TIMEOUT_SECONDS)
        self._record.settle(name, "InService", reason)

    def _update_weights(self, name: str) -> None:
        fleet = self._fleets[name]
        variants = {variant.name: variant for variant in fleet.variants}
        try:
            for desired in self._record.read(name)["_DesiredWeightsAndCapacities"]:
                variant = variants[desired["VariantName"]]
                if "DesiredInstanceCount" in desired:
                    variant.scale(desired["DesiredInstanceCount"], drain_seconds=MODEL_TIMEOUT_SECONDS)
                if "DesiredWeight" in desired:
                    variant.set_weight(desired["DesiredWeight"])
        except FleetUnhealthy as error:
            self._check_open()
            self._record.settle(name, "InService", str(error))
            return
        self._serve(name, fleet)
        self._record.in_service(name, fleet)

    def _delete(self, name: str) -> None:
        self._tables.pop(name, None)
        fleet = self._fleets.pop(name, None)
        if fleet is not None:
            fleet.stop(drain_seconds=MODEL_TIMEOUT_SECONDS)
        self._record.delete(name)

    def _bring_back(self, name: str) -> None:
        document = self._record.read(name)
        specs = [VariantSpec.from_document(variant) for variant in document["_Variants"]]
        try:
            fleet = self._start(name, specs)
        except FleetUnhealthy as error:
            self._record.settle(name, "Failed", str(error))
            return
        self._serve(name, fleet)
        if "_TargetConfig" in document:
            self._update(name)
        elif "_DesiredWeightsAndCapacities" in document:
            self._update_weights(name)
        elif document["EndpointStatus"] != "InService":
            self._record.settle(name, "InService", document.get("FailureReason"))

    def _start(self, name: str, specs: Sequence[VariantSpec]) -> Fleet:
        """A fleet that is healthy. Raises FleetUnhealthy, _Closing."""
        folder = self._folder / name / secrets.token_hex(4)

        def add_instance(spec: VariantSpec, image: Image) -> Instance:
            role = Role(self._config, spec.role_arn) if spec.role_arn else None
            own = folder / spec.name / secrets.token_hex(4)
            instance = Instance(spec, image, role, folder=own, log_group=f"/aws/sagemaker/Endpoints/{name}")
            self._instances.add(instance)
            return instance

        try:
            fleet = Fleet([VariantFleet(spec, self._resolve(spec), add_instance) for spec in specs])
            fleet.start()
        except FleetUnhealthy:
            self._check_open()
            raise
        self._check_open()
        return fleet

    def _resolve(self, spec: VariantSpec) -> Image:
        try:
            return self._images.resolve(spec.image)
        except (LookupError, ValueError, OSError, RuntimeError) as error:
            raise FleetUnhealthy(
                f"Cannot pull the image {spec.image} of production variant {spec.name}: {error}"[:1024]
            ) from error

    def _serve(self, name: str, fleet: Fleet) -> None:
        self._fleets[name] = fleet
        self._route(name, [Share(fleet, 1.0)])

    def _route(self, name: str, shares: list[Share]) -> None:
        self._tables[name] = RouteTable(shares)

    async def _routes(self, name: str) -> RouteTable | None:
        deadline = time.monotonic() + MODEL_TIMEOUT_SECONDS
        while name in self._recovering and name not in self._tables and time.monotonic() < deadline:
            await asyncio.sleep(_RECOVERY_POLL_SECONDS)
        return self._tables.get(name)

    def _wait(self, seconds: float) -> None:
        self._closing.wait(seconds)
        self._check_open()

    def _check_open(self) -> None:
        if self._closing.is_set():
            raise _Closing

    def _ringing(self, alarms: list[str]) -> str | None:
        if not alarms:
            return None
        client = clients.root_client(self._config, "cloudwatch")
        found = client.describe_alarms(AlarmNames=alarms, StateValue="ALARM")
        names = [alarm["AlarmName"] for alarm in [*found.get("MetricAlarms", []), *found.get("CompositeAlarms", [])]]
        return names[0] if names else None


def _retain(specs: Sequence[VariantSpec], old: Fleet, properties: Sequence[str]) -> list[VariantSpec]:
    """RetainAllVariantProperties: present weights and instance counts instead of the config's."""
    present = {variant.name: variant.spec for variant in old.variants}
    kept = []
    for spec in specs:
        before = present.get(spec.name)
        if before and "DesiredWeight" in properties:
            spec = replace(spec, weight=before.weight)
        if before and "DesiredInstanceCount" in properties:
            spec = replace(spec, count=before.count)
        kept.append(spec)
    return kept
