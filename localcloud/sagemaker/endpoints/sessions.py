"""Stateful sessions: requests of one session go to the instance that opened it.

https://docs.aws.amazon.com/sagemaker/latest/dg/stateful-sessions.html: the container opens a session by the header
X-Amzn-SageMaker-New-Session-Id ("<id>; Expires=<time>") and closes it by X-Amzn-SageMaker-Closed-Session-Id.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from localcloud.sagemaker.endpoints.fleet import VariantFleet
    from localcloud.sagemaker.endpoints.instance import Instance
    from localcloud.sagemaker.endpoints.routing import RouteTable

SESSION_ID = "x-amzn-sagemaker-session-id"
_OPENED = "x-amzn-sagemaker-new-session-id"
_CLOSED = "x-amzn-sagemaker-closed-session-id"
_MOST = 10_000


class Sessions:
    """Which instance holds which session; the oldest are forgotten first. Used from one event loop."""

    def __init__(self) -> None:
        self._open: OrderedDict[tuple[str, str], tuple[VariantFleet, Instance]] = OrderedDict()

    def acquire(
        self, endpoint: str, headers: Mapping[str, str], table: RouteTable | None
    ) -> tuple[VariantFleet, Instance] | None:
        """The holder of the request's session, acquired; None when there is none that takes requests."""
        key = endpoint, headers.get(SESSION_ID, "")
        found = self._open.get(key)
        if found is None:
            return None
        replaced = table is None or not table.reaches(found[1])
        if not replaced and found[1].acquire():
            return found
        if replaced or not found[1].ready:  # gone, or about to go, and its sessions with it
            self._open.pop(key)
        return None

    def note(self, endpoint: str, variant: VariantFleet, instance: Instance, answer: Mapping[str, str]) -> None:
        """Takes note of what an answer's headers (lower-case names) open and close."""
        if opened := answer.get(_OPENED, "").partition(";")[0].strip():
            self._open[endpoint, opened] = variant, instance
            if len(self._open) > _MOST:
                self._open.popitem(last=False)
        if closed := answer.get(_CLOSED):
            self._open.pop((endpoint, closed), None)
