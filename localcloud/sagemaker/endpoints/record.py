"""What running an endpoint writes into its document (see `resources/endpoint.py`).

Besides, `_Variants` holds the resolved variants that serve, from which they are brought back.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from localcloud.sagemaker.endpoints import data_capture
from localcloud.sagemaker.endpoints.fleet import Fleet
from localcloud.sagemaker.store import Store

Document = dict[str, Any]

KIND = "endpoint"
_MAX_REASON = 1024
_PENDING = (
    "PendingDeploymentSummary",
    "_TargetConfig",
    "_DeploymentConfig",
    "_RetainVariantProperties",
    "_DesiredWeightsAndCapacities",
)


class MaintenanceRefused(Exception):
    """The endpoint cannot be maintained now; the message says why."""


class EndpointRecord:
    """The documents of the store's endpoints. `clock` gives epoch seconds."""

    def __init__(self, store: Store, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock

    def all(self) -> list[Document]:
        return list(self._store.list(KIND))

    def read(self, name: str) -> Document:
        return self._store.get(KIND, name)

    def delete(self, name: str) -> None:
        self._store.delete(KIND, name)

    def under_maintenance(self, name: str) -> None:
        """Only from InService. Raises MaintenanceRefused, NotFound."""

        def change(document: Document) -> None:
            if document["EndpointStatus"] != "InService":
                raise MaintenanceRefused(f"its status is {document['EndpointStatus']}, not InService")
            document["EndpointStatus"] = "SystemUpdating"

        self._change(name, change)

    def rolling_back(self, name: str, reason: str) -> None:
        members = {"EndpointStatus": "RollingBack", "FailureReason": reason[:_MAX_REASON]}
        self._change(name, lambda document: document.update(members))

    def progress(self, name: str, old: Fleet, new: Fleet, stage: str) -> None:
        """How far an update has come: both fleets as they are, the new one's VariantStatus being `stage`."""
        status = [{"Status": stage, "StartTime": self._clock()}]

        def change(document: Document) -> None:
            _show(document, old)
            pending = document.setdefault("PendingDeploymentSummary", {})
            _show(pending, new)
            types = {variant.name: variant.spec.instance_type for variant in (*new.variants, *new.shadows)}
            for part in (*pending["ProductionVariants"], *pending.get("ShadowProductionVariants", [])):
                part["VariantStatus"] = status
                if types[part["VariantName"]] is not None:
                    part["InstanceType"] = types[part["VariantName"]]

        self._change(name, change)

    def rollback_failed(self, name: str, mixture: Fleet, reason: str) -> None:
        """The endpoint serves with a mixture of two configs."""

        def change(document: Document) -> None:
            _in_service(document, mixture)
            document |= {"EndpointStatus": "UpdateRollbackFailed", "FailureReason": reason[:_MAX_REASON]}

        self._change(name, change)

    def commit(self, name: str, fleet: Fleet) -> None:
        """The target config has become what serves, with this fleet."""

        def change(document: Document) -> None:
            target, deployment = document["_TargetConfig"], document.get("_DeploymentConfig")
            document["EndpointConfigName"] = target["EndpointConfigName"]
            document["_ServingConfig"] = target
            document.pop("DataCaptureConfig", None)
            if capture := target.get("DataCaptureConfig"):
                document["DataCaptureConfig"] = data_capture.summary(capture)
            document["AsyncInferenceConfig"] = target.get("AsyncInferenceConfig")
            if deployment is not None:
                document["LastDeploymentConfig"] = deployment
            _in_service(document, fleet)

        self._change(name, change)

    def in_service(self, name: str, fleet: Fleet) -> None:
        """The config that serves does so with this fleet."""
        self._change(name, lambda document: _in_service(document, fleet))

    def settle(self, name: str, status: str, reason: str | None, fleet: Fleet | None = None) -> None:
        """What was under way has come to nothing. `reason`: FailureReason, None to leave it as it is.

        `fleet` is what serves, where its summaries may have changed meanwhile.
        """

        def change(document: Document) -> None:
            _forget_pending(document)
            document["EndpointStatus"] = status
            if fleet is not None:
                _show(document, fleet)
            if reason is not None:
                document["FailureReason"] = reason[:_MAX_REASON]

        self._change(name, change)

    def _change(self, name: str, change: Callable[[Document], None]) -> None:
        def apply(document: Document) -> None:
            change(document)
            document["LastModifiedTime"] = self._clock()

        self._store.update(KIND, name, apply)


def _in_service(document: Document, fleet: Fleet) -> None:
    _forget_pending(document)
    document.pop("FailureReason", None)
    document["EndpointStatus"] = "InService"
    _show(document, fleet)
    document["_Variants"] = fleet.specs()


def _show(document: Document, fleet: Fleet) -> None:
    document["ProductionVariants"] = fleet.summaries()
    document.pop("ShadowProductionVariants", None)
    if fleet.shadows:
        document["ShadowProductionVariants"] = fleet.shadow_summaries()


def _forget_pending(document: Document) -> None:
    for member in _PENDING:
        document.pop(member, None)
