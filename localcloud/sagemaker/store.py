"""The durable store of SageMaker resources: one SQLite file, one JSON document a resource.

Documents have the shape of the ``Describe*`` answer (timestamps are epoch seconds) plus what running the
resource needs; members whose name starts with ``_`` are private and never answered.

Guarantees:

- A call that returned has been written to the disk (WAL with ``synchronous=FULL``): ``kill -9`` loses nothing.
- Names are unique, and found, whatever their case (as SageMaker has it for endpoints); the case given is kept.
- ``update`` is one read-modify-write transaction; of two concurrent ``create`` of one name, one succeeds.
- Every change is delivered to every subscriber after its commit and in commit order, on one thread of the store.
  Changes wait in an outbox written by the same transaction, so that what a killed process had not delivered
  is delivered when the next one subscribes: *at least once*, which is also what SageMaker promises of its events.
"""

from __future__ import annotations

import json
import queue
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localcloud.sagemaker import schema
from localcloud.sagemaker.outbox import Delivery, Listener

SORT_COLUMNS = ("name", "created", "modified", "status")
# Rows read at a time: few at first, as most listings stop at the first page, then ever more.
_FIRST_BATCH, _LARGEST_BATCH = 16, 256


class NotFound(KeyError):
    """No resource of this kind has this name."""

    def __init__(self, kind: str, name: str) -> None:
        super().__init__(f"no {kind} named {name!r}")
        self.kind, self.name = kind, name


class AlreadyExists(ValueError):
    """A resource of this kind already has this name."""

    def __init__(self, kind: str, name: str) -> None:
        super().__init__(f"a {kind} named {name!r} already exists")
        self.kind, self.name = kind, name


@dataclass(frozen=True, kw_only=True)
class Query:
    """What ``Store.list`` selects, and in which order.

    ``after`` is the ``(sort value, name)`` of the last row of the previous page. Times are epoch seconds; as in the
    API's ``*After`` and ``*Before`` members, both bounds are exclusive. ``parent`` is the model package group, or
    the pipeline. ``equals`` compares top-level members of the document.
    """

    sort: str = "created"
    descending: bool = False
    after: tuple[Any, str] | None = None
    name_contains: str | None = None
    name_prefix: str | None = None
    status: str | None = None
    parent: str | None = None
    has_parent: bool | None = None
    created_after: float | None = None
    created_before: float | None = None
    modified_after: float | None = None
    modified_before: float | None = None
    equals: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        if self.sort not in SORT_COLUMNS:
            raise ValueError(f"cannot sort by {self.sort!r}; known: {', '.join(SORT_COLUMNS)}")


class Store:
    """Thread-safe. Creates ``path`` and its folder when absent; one process at a time may have a file open."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._write_lock = threading.Lock()
        self._readers: queue.LifoQueue[sqlite3.Connection] = queue.LifoQueue()
        self._writer = self._connect()
        schema.prepare(self._writer)
        self._delivery = Delivery(self._connect)

    def create(self, kind: str, name: str, document: dict[str, Any]) -> dict[str, Any]:
        """Store a new resource. Raises AlreadyExists."""
        text = _encode(document)
        with self._transaction() as connection:
            inserted = connection.execute(
                "INSERT INTO resource (kind, name, document) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
                (kind, name, text),
            ).rowcount
            if not inserted:
                raise AlreadyExists(kind, name)
            self._record(connection, kind, None, text)
        return json.loads(text)

    def get(self, kind: str, name: str) -> dict[str, Any]:
        """A copy of the document. Raises NotFound."""
        with self._reading() as connection:
            return json.loads(_select(connection, kind, name))

    def update(self, kind: str, name: str, change: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
        """Apply ``change`` to the document, in place, in one transaction; whatever it raises undoes the update.

        ``change`` runs while the store is locked for writing: it must be quick and may not write to the store.
        A change that changes nothing is neither written nor delivered. Raises NotFound.
        """
        with self._transaction() as connection:
            before = _select(connection, kind, name)
            document = json.loads(before)
            change(document)
            after = _encode(document)
            if after != before:
                connection.execute("UPDATE resource SET document = ? WHERE kind = ? AND name = ?", (after, kind, name))
                self._record(connection, kind, before, after)
        return document

    def delete(self, kind: str, name: str) -> dict[str, Any]:
        """Remove the resource and return its last document. Raises NotFound."""
        with self._transaction() as connection:
            before = _select(connection, kind, name)
            connection.execute("DELETE FROM resource WHERE kind = ? AND name = ?", (kind, name))
            self._record(connection, kind, before, None)
        return json.loads(before)

    def list(self, kind: str, query: Query | None = None) -> Iterator[dict[str, Any]]:
        """The documents of a kind, read in batches: taking the first n costs the same whatever the total."""
        for document, _ in self.list_with_position(kind, query or Query()):
            yield document

    def list_with_position(self, kind: str, query: Query) -> Iterator[tuple[dict[str, Any], tuple[Any, str]]]:
        """Like ``list``, each document with the position to continue behind it (``Query.after``)."""
        position, size = query.after, _FIRST_BATCH
        while True:
            statement, values = _select_page(kind, query, position, size)
            with self._reading() as connection:
                rows = connection.execute(statement, values).fetchall()
            for text, sort_value, name in rows:
                position = (sort_value, name)
                yield json.loads(text), position
            if len(rows) < size:
                return
            size = min(2 * size, _LARGEST_BATCH)

    def subscribe(self, listener: Listener) -> None:
        """Call ``listener(kind, before, after)`` for every change from now on, and for those never delivered.

        ``before`` is None for a creation and ``after`` for a deletion. A listener that raises is tried again a few
        times, then the change is logged as lost for it and the next one follows.
        """
        self._delivery.add(listener)

    def flush(self, timeout: float) -> bool:
        """Wait until every change committed so far was delivered; False when ``timeout`` seconds did not suffice."""
        return self._delivery.flush(timeout)

    def close(self) -> None:
        """Stop delivering and close the file; what was not delivered stays in the outbox."""
        self._delivery.stop()
        with self._write_lock:
            self._writer.close()
        while not self._readers.empty():
            self._readers.get_nowait().close()

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False, timeout=30)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        return connection

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        try:
            connection = self._readers.get_nowait()
        except queue.Empty:
            connection = self._connect()
        try:
            yield connection
        finally:
            self._readers.put(connection)

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._write_lock:
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                yield self._writer
                self._writer.execute("COMMIT")
            except BaseException:
                # A full disk makes SQLite roll back by itself.
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")
                raise
        self._delivery.wake()

    @staticmethod
    def _record(connection: sqlite3.Connection, kind: str, before: str | None, after: str | None) -> None:
        connection.execute("INSERT INTO outbox (kind, before, after) VALUES (?, ?, ?)", (kind, before, after))


def _encode(document: dict[str, Any]) -> str:
    return json.dumps(document, separators=(",", ":"), allow_nan=False)


def _select(connection: sqlite3.Connection, kind: str, name: str) -> str:
    row = connection.execute("SELECT document FROM resource WHERE kind = ? AND name = ?", (kind, name)).fetchone()
    if row is None:
        raise NotFound(kind, name)
    return row[0]


def _select_page(kind: str, query: Query, position: tuple[Any, str] | None, size: int) -> tuple[str, list[Any]]:
    conditions: list[tuple[str, Any]] = [("kind = ?", kind)]
    optional = {
        "status = ?": query.status,
        "parent = ?": query.parent,
        "(parent IS NOT NULL) = ?": query.has_parent,
        # instr, not LIKE: a name filter has no wildcards, and is case-sensitive.
        "instr(name, ?) > 0": query.name_contains,
        "instr(name, ?) = 1": query.name_prefix,
        "created > ?": query.created_after,
        "created < ?": query.created_before,
        "modified > ?": query.modified_after,
        "modified < ?": query.modified_before,
    }
    conditions += [(condition, value) for condition, value in optional.items() if value is not None]
    conditions += [
        ("json_extract(document, ?) IS ?", (f"$.{key}", value)) for key, value in (query.equals or {}).items()
    ]
    if position is not None:
        conditions.append((f"({query.sort}, name) {'<' if query.descending else '>'} (?, ?)", tuple(position)))
    where = " AND ".join(condition for condition, _ in conditions)
    values = [part for _, value in conditions for part in (value if isinstance(value, tuple) else (value,))]
    direction = "DESC" if query.descending else "ASC"
    # Only column names of SORT_COLUMNS and the fixed conditions above are part of the statement's text.
    statement = f"SELECT document, {query.sort}, name FROM resource WHERE {where}"  # noqa: S608
    return f"{statement} ORDER BY {query.sort} {direction}, name {direction} LIMIT {size}", values
