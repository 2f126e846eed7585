"""HTTP on one connection: uvicorn's protocol, with limits of what a client may keep it waiting with.

uvicorn waits for ever for a request that does not come, or does not end, and keeps whatever its head holds. Here a
connection has one timer, which runs only while a request is awaited; one that arrives in a single packet needs none.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from server.http.writing import JoiningTransport

MAX_HEAD_BYTES = 65_536
_LAST_SECONDS = 1.0  # for a request that was on its way when the server was told to end


class Protocol(HttpToolsProtocol):
    """Args:
    patience: seconds in which all of a request has to arrive, the first one from when the connection was opened.
    """

    # Beyond thirty attributes an instance's dict is a slow one, and uvicorn has twenty-eight.
    __slots__ = ("_arrived", "_ending", "_head_bytes", "_joining", "_late", "_patience")

    def __init__(self, *arguments: Any, patience: float, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._patience = patience
        self._arrived: Any = False  # the scope of the request that the last packet completed
        self._head_bytes = 0
        self._late: asyncio.TimerHandle | None = None
        self._ending = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._joining = JoiningTransport(transport)
        super().connection_made(self._joining)  # type: ignore[arg-type]
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        before, self._arrived = self.scope, False
        super().data_received(data)
        if self._arrived is self.scope and self._late is None and not self._ending and not self.cycle.response_complete:
            return  # as nearly always: a whole request in one packet
        if self.scope is not before:  # there is one for each request
            self._head_bytes = 0
        elif self._in_head:
            self._count_head(len(data))
        if self._ending and self.cycle is not None:
            self.cycle.keep_alive = False
        self._watch()

    def on_message_complete(self) -> None:
        self._arrived = self.scope
        super().on_message_complete()

    def on_response_complete(self) -> None:
        self._joining.flush()
        super().on_response_complete()

    def shutdown(self) -> None:
        """Ends the connection after the answer that is due; a request that is on its way has a moment to arrive."""
        self._ending = True
        if not self._awaited:
            super().shutdown()
            return
        if self.cycle is not None:
            self.cycle.keep_alive = False
        self._forget()
        self._late = self.loop.call_later(_LAST_SECONDS, self._too_late)

    @property
    def _awaited(self) -> bool:
        return self._arrived is not self.scope

    @property
    def _in_head(self) -> bool:
        return self.scope is not None and (self.cycle is None or self.cycle.scope is not self.scope)

    def _count_head(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > MAX_HEAD_BYTES:
            self.send_400_response("The request's head is too large.")

    def _watch(self) -> None:
        if self._awaited:
            if self._late is None:
                self._late = self.loop.call_later(self._patience, self._too_late)
            return
        if self._late is not None:
            self._forget()
        if self.cycle is not None and self.cycle.response_complete:  # refused before it had arrived
            self._rest()

    def _rest(self) -> None:
        """What came last is over, and uvicorn's timer, which each byte stops, does not run."""
        if self._ending:
            self.transport.close()
        elif self.timeout_keep_alive_task is None:
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

    def _too_late(self) -> None:
        self._late = None
        if self._answering():
            self._watch()
        else:
            self.transport.close()

    def _answering(self) -> bool:
        """Whether a request that had come before is still being answered."""
        cycle = self.cycle
        return bool(self.pipeline) or (cycle is not None and not cycle.response_complete and not cycle.more_body)

    def _forget(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None
