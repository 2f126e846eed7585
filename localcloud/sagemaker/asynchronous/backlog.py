"""The queues of all endpoints: first in, first out. A request stays in the store until it is done."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from typing import Any

from localcloud.sagemaker.store import NotFound, Store

Document = dict[str, Any]

KIND = "async-invocation"


class Backlog:
    """Thread-safe. What an ended process had taken and not finished waits again, at its old place."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._waiting: dict[str, deque[Document]] = {}
        self._running: dict[str, dict[str, Document]] = {}
        for document in store.list(KIND):  # by creation time
            self._waiting.setdefault(document["EndpointName"], deque()).append(document)

    def put(self, document: Document) -> None:
        """Durable when this returns."""
        self._store.create(KIND, document["InvocationId"], document)
        with self._lock:
            self._waiting.setdefault(document["EndpointName"], deque()).append(document)

    def take(self, endpoint: str) -> Document | None:
        """The oldest waiting request, which now runs until ``finish`` or ``put_back``."""
        with self._lock:
            waiting = self._waiting.get(endpoint)
            if not waiting:
                return None
            document = waiting.popleft()
            self._running.setdefault(endpoint, {})[document["InvocationId"]] = document
            return document

    def put_back(self, document: Document) -> None:
        """It could not be begun: the next one to be taken."""
        with self._lock:
            self._running[document["EndpointName"]].pop(document["InvocationId"])
            self._waiting.setdefault(document["EndpointName"], deque()).appendleft(document)

    def finish(self, document: Document) -> None:
        """It is done, well or badly."""
        try:
            self._store.delete(KIND, document["InvocationId"])
        except NotFound:
            return  # its endpoint was deleted meanwhile
        finally:
            with self._lock:
                self._running.get(document["EndpointName"], {}).pop(document["InvocationId"], None)

    def forget(self, endpoint: str) -> None:
        """The endpoint is gone, and its requests with it."""
        with self._lock:
            documents = [*self._waiting.pop(endpoint, ()), *self._running.pop(endpoint, {}).values()]
        for document in documents:
            self._store.delete(KIND, document["InvocationId"])

    def endpoints(self) -> list[str]:
        """Those with requests, waiting or running."""
        with self._lock:
            return [name for name in {*self._waiting, *self._running} if self._count(name)]

    def size(self, endpoint: str) -> int:
        """Waiting and running."""
        with self._lock:
            return self._count(endpoint)

    def running(self, endpoint: str) -> int:
        with self._lock:
            return len(self._running.get(endpoint, {}))

    def oldest(self, endpoint: str) -> float | None:
        """When the oldest request came."""
        with self._lock:
            return min((document["CreationTime"] for document in self._all(endpoint)), default=None)

    def _count(self, endpoint: str) -> int:
        return len(self._waiting.get(endpoint, ())) + len(self._running.get(endpoint, {}))

    def _all(self, endpoint: str) -> Iterator[Document]:
        yield from self._waiting.get(endpoint, ())
        yield from self._running.get(endpoint, {}).values()
