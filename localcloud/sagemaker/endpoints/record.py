"""What running an endpoint writes into its document (see `resources/endpoint.py`).

Besides, `_Variants` holds the resolved variants that serve, from which they are brought back.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from localcloud.sagemaker.endpoints.fleet import Fleet
from localcloud.sagemaker.store import Store

Document = dict[str, Any]

KIND = "endpoint"
_PENDING = (
    "PendingDeploymentSummary",
    "_TargetConfig",
    "_DeploymentConfig",
    "_RetainVariantProperties",
    "_DesiredWeightsAndCapacities",
)


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

    def rolling_back(self, name: str) -> None:
        self._change(name, lambda document: document.update(EndpointStatus="RollingBack"))

    def commit(self, name: str, fleet: Fleet) -> None:
        """The target config has become what serves, with this fleet."""

        def change(document: Document) -> None:
            target, deployment = document["_TargetConfig"], document.get("_DeploymentConfig")
            document["EndpointConfigName"] = target["EndpointConfigName"]
            document["_ServingConfig"] = target
            if deployment is not None:
                document["LastDeploymentConfig"] = deployment
            _in_service(document, fleet)

        self._change(name, change)

    def in_service(self, name: str, fleet: Fleet) -> None:
        """The config that serves does so with this fleet."""
        self._change(name, lambda document: _in_service(document, fleet))

    def settle(self, name: str, status: str, reason: str | None) -> None:
        """What was under way has come to nothing. `reason`: FailureReason, None to leave it as it is."""

        def change(document: Document) -> None:
            _forget_pending(document)
            document["EndpointStatus"] = status
            if reason is not None:
                document["FailureReason"] = reason

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
    document["ProductionVariants"] = fleet.summaries()
    document["_Variants"] = fleet.specs()


def _forget_pending(document: Document) -> None:
    for member in _PENDING:
        document.pop(member, None)
