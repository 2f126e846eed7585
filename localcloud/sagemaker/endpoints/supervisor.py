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
from localcloud.sagemaker.endpoints.alarms import AlarmWatch
from localcloud.sagemaker.endpoints.data_capture import DataCapture
from localcloud.sagemaker.endpoints.deployment import RolledBack
from localcloud.sagemaker.endpoints.fleet import Fleet, FleetUnhealthy, VariantFleet
from localcloud.sagemaker.endpoints.instance import Instance
from localcloud.sagemaker.endpoints.invocation import MODEL_TIMEOUT_SECONDS, Invoker, Result, StreamedResult
from localcloud.sagemaker.endpoints.metrics import InvocationMetrics
from localcloud.sagemaker.endpoints.models import ModelUnusable, VariantSpec, resolve_variants
from localcloud.sagemaker.endpoints.record import EndpointRecord, MaintenanceRefused
from localcloud.sagemaker.endpoints.rollout import RollbackFailed, Rollout
from localcloud.sagemaker.endpoints.routing import RouteTable, Share
from localcloud.sagemaker.endpoints.serverless import ServerlessFleet
from localcloud.sagemaker.jobs.role import Role, RoleRefused
from localcloud.sagemaker.store import NotFound, Store

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
        self,
        config: Config,
        store: Store,
        images: ImageRegistry,
        *,
        alarms: AlarmWatch,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._config, self._store, self._images, self._alarms = config, store, images, alarms
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

    def maintain(self, name: str) -> None:
        """What SageMaker does by itself: other instances, with the status SystemUpdating. Raises MaintenanceRefused."""
        try:
            self._record.under_maintenance(name)
        except NotFound:
            raise MaintenanceRefused("there is no such endpoint") from None
        self._submit(name, self._maintain)

    async def invoke(self, name: str, headers: Mapping[str, str], body: bytes) -> Result:
        """Answers one request (lower-case header names). Raises InvocationError."""
        return await self._invoker.invoke(name, headers, body)

    async def invoke_streaming(self, name: str, headers: Mapping[str, str], body: bytes) -> StreamedResult:
        """The same, the answer in parts. Raises InvocationError."""
        return await self._invoker.invoke_streaming(name, headers, body)

    def serving(self, name: str) -> tuple[VariantFleet, ...]:
        """The production variants that serve; none while the endpoint does not."""
        fleet = self._fleets.get(name)
        return fleet.variants if fleet is not None else ()

    def idle(self, minute: int) -> list[tuple[str, str]]:
        """The (endpoint, variant) pairs with instances that nobody asked in a minute, counted from the epoch."""
        busy = self._metrics.busy(minute)
        pairs = [(name, variant) for name, fleet in list(self._fleets.items()) for variant in fleet.variants]
        return [
            (name, variant.name)
            for name, variant in pairs
            if variant.instances and variant.spec.serverless is None and (name, variant.name) not in busy
        ]

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
        for fleet in list(self._fleets.values()):
            for capture in fleet.captures:
                capture.close()
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
            fleet = self._start(name, resolve_variants(self._store, config), config)
        except (FleetUnhealthy, ModelUnusable) as error:
            self._record.settle(name, "Failed", str(error))
            return
        self._serve(name, fleet)
        self._record.commit(name, fleet)

    def _update(self, name: str) -> None:
        document = self._record.read(name)
        old = self._fleets[name]
        retained = document.get("_RetainVariantProperties", [])
        try:
            specs = _retain(resolve_variants(self._store, document["_TargetConfig"]), old, retained)
        except ModelUnusable as error:
            self._record.rolling_back(name, str(error))
            self._record.settle(name, "InService", str(error))
            return
        rollout = Rollout(
            old,
            document.get("_DeploymentConfig"),
            route=lambda shares: self._route(name, shares),
            wait=self._wait,
            check=lambda alarms: self._alarms.check(alarms, specs[0].role_arn),
            progress=lambda old, new, stage: self._record.progress(name, old, new, stage),
            drain_seconds=MODEL_TIMEOUT_SECONDS,
        )
        try:
            new = rollout.run(lambda: self._build(name, specs, document["_TargetConfig"]))
        except (FleetUnhealthy, RolledBack) as error:
            self._check_open()
            self._roll_back(name, rollout, str(error))
            return
        except _Closing:
            raise
        except Exception:
            self._check_open()
            log.exception("update of endpoint %s", name)
            self._roll_back(name, rollout, _INTERNAL)
            return
        self._serve(name, new)
        self._record.commit(name, new)
        old.stop(drain_seconds=MODEL_TIMEOUT_SECONDS)

    def _roll_back(self, name: str, rollout: Rollout, reason: str) -> None:
        self._record.rolling_back(name, reason)
        try:
            rollout.roll_back(reason)
        except RollbackFailed as failure:
            self._check_open()
            self._serve(name, failure.mixture)
            self._record.rollback_failed(name, failure.mixture, str(failure))
            return
        self._record.settle(name, "InService", reason, self._fleets[name])

    def _update_weights(self, name: str) -> None:
        fleet = self._fleets[name]
        desired = self._record.read(name)["_DesiredWeightsAndCapacities"]
        try:
            fleet.change(desired, drain_seconds=MODEL_TIMEOUT_SECONDS)
        except FleetUnhealthy as error:
            self._check_open()
            self._record.rolling_back(name, str(error))
            self._record.settle(name, "InService", str(error), fleet)
            return
        self._serve(name, fleet)
        self._record.in_service(name, fleet)

    def _maintain(self, name: str) -> None:
        fleet = self._fleets[name]
        try:
            fleet.renew(drain_seconds=MODEL_TIMEOUT_SECONDS)
        except FleetUnhealthy as error:
            self._check_open()
            log.error("maintenance of endpoint %s ended early, the old instances stay: %s", name, error)
        self._record.settle(name, "InService", None, fleet)

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
            fleet = self._start(name, specs, document.get("_ServingConfig", {}))
        except FleetUnhealthy as error:
            self._record.settle(name, "Failed", str(error))
            return
        self._serve(name, fleet)
        if document["EndpointStatus"] == "RollingBack":
            self._record.settle(name, "InService", document.get("FailureReason"), fleet)
        elif "_TargetConfig" in document:
            self._update(name)
        elif "_DesiredWeightsAndCapacities" in document:
            self._update_weights(name)
        elif document["EndpointStatus"] not in ("InService", "UpdateRollbackFailed"):
            self._record.settle(name, "InService", document.get("FailureReason"))

    def _start(self, name: str, specs: Sequence[VariantSpec], config: Mapping[str, Any]) -> Fleet:
        """A fleet that is healthy. Raises FleetUnhealthy, _Closing."""
        try:
            fleet = self._build(name, specs, config)
            fleet.start()
        except FleetUnhealthy:
            self._check_open()
            raise
        self._check_open()
        return fleet

    def _build(self, name: str, specs: Sequence[VariantSpec], config: Mapping[str, Any]) -> Fleet:
        """A fleet of an endpoint config, without instances. Raises FleetUnhealthy."""
        folder = self._folder / name / secrets.token_hex(4)

        def add_instance(spec: VariantSpec, image: Image) -> Instance:
            role = Role(self._config, spec.role_arn) if spec.role_arn else None
            own = folder / spec.name / secrets.token_hex(4)
            instance = Instance(spec, image, role, folder=own, log_group=f"/aws/sagemaker/Endpoints/{name}")
            self._instances.add(instance)
            return instance

        variants = [_fleet_type(spec)(spec, self._resolve(spec), add_instance) for spec in specs]
        return Fleet(variants, captures=self._captures(name, config.get("DataCaptureConfig")))

    def _captures(self, name: str, config: Mapping[str, Any] | None) -> list[DataCapture]:
        if config is None or not config.get("EnableCapture", True):
            return []

        def connect(role_arn: str | None) -> Any:
            if role_arn is None:
                raise RoleRefused("data capture needs the ExecutionRoleArn of the model")
            return Role(self._config, role_arn).client("s3")

        return [DataCapture(config, endpoint=name, connect=connect)]

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

    def _route(self, name: str, shares: Sequence[Share]) -> None:
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


def _fleet_type(spec: VariantSpec) -> type[VariantFleet]:
    return VariantFleet if spec.serverless is None else ServerlessFleet


def _retain(specs: Sequence[VariantSpec], old: Fleet, properties: Sequence[str]) -> list[VariantSpec]:
    """RetainAllVariantProperties: present weights and instance counts instead of the config's."""
    present = {summary["VariantName"]: summary for summary in old.summaries()}
    kept = []
    for spec in specs:
        before = present.get(spec.name, {})
        if "DesiredWeight" in properties and "DesiredWeight" in before:
            spec = replace(spec, weight=before["DesiredWeight"])
        if "DesiredInstanceCount" in properties and "DesiredInstanceCount" in before:
            spec = replace(spec, count=before["DesiredInstanceCount"])
        kept.append(spec)
    return kept
