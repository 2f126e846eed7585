"""Shadow variants get a part of the requests as well: their answers go nowhere, their metrics are published.

https://docs.aws.amazon.com/sagemaker/latest/dg/model-shadow-deployment.html.
The part is the ratio of the shadow variant's weight to the production variant's: with equal weights every request is
replicated.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping

from localcloud.sagemaker.endpoints.fleet import VariantFleet
from localcloud.sagemaker.endpoints.http_client import BadAnswer, NoConnection
from localcloud.sagemaker.endpoints.metrics import Invocation

log = logging.getLogger(__name__)

_TIMEOUT_SECONDS = 60.0
_MAX_UNDER_WAY = 256


class Mirror:
    """Sends copies of requests, none of which can slow down or fail the original. Used from one event loop.

    Args:
        record: takes every invocation of a shadow variant.
    """

    def __init__(self, record: Callable[[Invocation], None]) -> None:
        self._record = record
        self._under_way: set[asyncio.Task[None]] = set()

    def send(self, endpoint: str, variant: VariantFleet, headers: Mapping[str, str], body: bytes) -> None:
        """Copies the request when the variant has a shadow and it is this request's turn."""
        shadow = variant.next_shadow()
        if shadow is None:
            return
        if len(self._under_way) >= _MAX_UNDER_WAY:
            log.warning("endpoint %s: shadow variant %s does not keep up; a copy is left out", endpoint, shadow.name)
            return
        task = asyncio.get_running_loop().create_task(self._copy(endpoint, shadow, headers, body))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _copy(self, endpoint: str, shadow: VariantFleet, headers: Mapping[str, str], body: bytes) -> None:
        started, status = time.perf_counter(), None
        instance = shadow.pick()
        try:
            if instance is not None:
                async with asyncio.timeout(_TIMEOUT_SECONDS):
                    answer = await instance.client.request("POST", "/invocations", headers, body)
                status = answer.status
                if 200 <= status < 300:
                    shadow.capture_inference(headers, body, answer.headers.get("content-type", ""), answer.body)
        except (NoConnection, BadAnswer, TimeoutError) as error:
            log.info("endpoint %s: shadow variant %s gave no answer: %s", endpoint, shadow.name, error)
        finally:
            if instance is not None:
                instance.release()
            self._record(
                Invocation(
                    endpoint=endpoint,
                    variant=shadow.name,
                    model_status=status,
                    model_seconds=time.perf_counter() - started,
                    overhead_seconds=0.0,
                    timestamp=time.time(),
                    instances=max(1, len(shadow.instances)),
                )
            )
