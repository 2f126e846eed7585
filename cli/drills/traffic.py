"""A client that asks the endpoint all the time, and remembers who answered and what failed."""

from __future__ import annotations

import json
import re
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from cli.drills.timeline import Timeline
from cli.target import Target

CLIENTS = 3
PAUSE_SECONDS = 0.1
READ_TIMEOUT_SECONDS = 30
MARK = "drill"
"""CustomAttributes of the client's requests, by which a drill's model tells traffic from the rollout's smoke test."""
_VERSION = re.compile(r"(?:^|[;,\s])model_version=(\w+)")


@dataclass(frozen=True)
class Answer:
    """One request: when it was sent, and who answered (a model version, or a variant without one) or why nobody did."""

    began: float
    by: str | None
    failure: str | None = None


class Traffic:
    """Sends the sample request, without retries: a request that the endpoint loses is a request that failed."""

    def __init__(self, target: Target, endpoint: str, sample: Any, timeline: Timeline) -> None:
        from botocore.config import Config

        self._client = target.session.client(
            "sagemaker-runtime",
            endpoint_url=target.endpoint.url if target.endpoint else None,
            config=Config(
                retries={"total_max_attempts": 1},
                read_timeout=READ_TIMEOUT_SECONDS,
                max_pool_connections=CLIENTS,
            ),
        )
        self._request = {"EndpointName": endpoint, "ContentType": "application/json", "Accept": "application/json"}
        self._body = json.dumps(sample)
        self._timeline = timeline
        self._over = threading.Event()
        self.answers: list[Answer] = []

    def plain(self) -> bytes:
        """The answer to the sample request, sent as the smoke test sends it."""
        return self._client.invoke_endpoint(**self._request, Body=self._body)["Body"].read()

    @contextmanager
    def flowing(self) -> Iterator[None]:
        """Traffic for as long as the block runs. Raises what the client did not foresee."""
        with ThreadPoolExecutor(CLIENTS, thread_name_prefix="drill-client") as pool:
            asking: list[Future[None]] = [pool.submit(self._ask) for _ in range(CLIENTS)]
            try:
                yield
            finally:
                self._over.set()
        for future in asking:
            future.result()

    def _ask(self) -> None:
        from botocore.exceptions import BotoCoreError, ClientError

        while not self._over.wait(PAUSE_SECONDS):
            began = self._timeline.now()
            try:
                answer = self._client.invoke_endpoint(**self._request, Body=self._body, CustomAttributes=MARK)
                answer["Body"].read()
            except (ClientError, BotoCoreError) as error:
                self.answers.append(Answer(began, None, str(error)))
            else:
                self.answers.append(Answer(began, _by(answer)))

    def failed(self, start: float = 0.0, end: float = float("inf")) -> list[Answer]:
        """The requests sent within these seconds that failed."""
        return [answer for answer in self.answers if answer.failure and start <= answer.began <= end]

    def served(self, start: float = 0.0, end: float = float("inf")) -> dict[str, int]:
        """Who answered how many of the requests sent within these seconds."""
        return dict(Counter(answer.by for answer in self.answers if answer.by and start <= answer.began <= end))


def _by(answer: dict[str, Any]) -> str:
    told = _VERSION.search(answer.get("CustomAttributes", ""))
    return told[1] if told else f"variant {answer['InvokedProductionVariant']}"
