"""One of the processes that answer requests."""

from __future__ import annotations

import asyncio
import logging
import math
import os
import socket
import sys
import time

import uvicorn
from uvicorn.server import ServerState

from server.batching.batcher import Limits
from server.http.app import App
from server.http.protocol import Protocol
from server.metrics.board import Board, Row
from server.model.loading import load
from server.model.predictor import Predictor
from server.processes.accepting import Acceptor
from server.serving.models import Models, OneModel
from server.serving.multi_model import ManyModels
from server.serving.service import Service
from server.settings import Settings

log = logging.getLogger(__name__)
# SageMaker sends SIGTERM and, 30 seconds later, SIGKILL.
DRAIN_SECONDS = 25
_FINISH_SECONDS = 1.5  # more than the supervisor lets pass before it closes the socket for all
_KEEP_ALIVE_SECONDS = 75
_BACKLOG = 2048


class WorkerServer(uvicorn.Server):
    """Uvicorn that shares its socket with other processes, and says every tenth of a second that it is alive."""

    def __init__(
        self,
        app: App,
        state: ServerState,
        models: Models,
        listener: socket.socket,
        board: Board,
        row: Row,
        patience: float,
    ) -> None:
        """`patience`: seconds in which a request has to arrive."""
        super().__init__(_config(app))
        self._stuck, self._patience = app.stuck, patience
        self.server_state = state
        self._models, self._listener, self._row = models, listener, row
        self._others = [one for one in board.rows if one is not row]

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self.servers = []
        self._acceptor = Acceptor(
            self._listener, self._protocol, self.server_state.connections, self._row, self._others
        )
        self._listener.listen(_BACKLOG)  # nobody is let in before there is a model
        self._acceptor.start()
        self.started = True
        log.info("worker %d answers", os.getpid())

    async def on_tick(self, counter: int) -> bool:
        now = time.perf_counter()
        batchers = [service.batcher for service in self._models.services]
        if self._stuck(now):
            log.error("the model has not answered for too long: this worker ends")
            for batcher in batchers:
                batcher.expire(math.inf)
            return True
        for batcher in batchers:
            batcher.expire(now)
        self._row.queued = sum(batcher.queued for batcher in batchers)
        self._row.beat = time.monotonic()
        self._acceptor.publish()
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # One that ends by itself leaves what comes to the others.
        await self._acceptor.finish(_FINISH_SECONDS if self.should_exit else 0)
        await super().shutdown(sockets)

    def _protocol(self) -> asyncio.Protocol:
        return Protocol(config=self.config, server_state=self.server_state, app_state={}, patience=self._patience)


def run_worker(
    settings: Settings, board: Board, index: int, listener: socket.socket, lifeline: int, predictor: Predictor | None
) -> int:
    """Serves until SIGTERM, then finishes what is in flight. Returns the exit code: 1 when there is no model.

    Args:
        index: of its row on the board.
        lifeline: the reading end of a pipe that ends when the supervisor does.
        predictor: the model, where it was loaded before this process began; otherwise it is loaded here.
    """
    _draw_other_numbers()
    try:
        if predictor is None and not settings.multi_model:
            predictor = _load(settings)
    except Exception:
        log.exception("the model in %s cannot be served", settings.model_dir)
        return 1
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(settings, board, index, listener, lifeline, predictor))
    return 0


async def _serve(
    settings: Settings, board: Board, index: int, listener: socket.socket, lifeline: int, predictor: Predictor | None
) -> None:
    row = board.rows[index]
    limits = Limits(
        rows=settings.max_batch_rows,
        wait=settings.max_batch_wait_seconds,
        queued=settings.max_queued,
        timeout=settings.timeout_seconds,
    )
    state = ServerState()

    def service(loaded: Predictor) -> Service:
        return Service(loaded, limits, row, state.connections)

    models: Models = ManyModels(settings, service) if predictor is None else OneModel(service(predictor))
    app = App(models, settings, board, row)
    server = WorkerServer(app, state, models, listener, board, row, settings.timeout_seconds)
    asyncio.get_running_loop().add_reader(lifeline, _end_with_the_supervisor)
    await server.serve()


def _config(app: App) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=Protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=DRAIN_SECONDS,
    )


def _load(settings: Settings) -> Predictor:
    started = time.monotonic()
    predictor = load(settings)
    log.info("the model is ready after %.0f ms", 1000 * (time.monotonic() - started))
    return predictor


def _draw_other_numbers() -> None:
    """Python seeds its generator anew in a copy of a process; numpy does not."""
    if (numpy := sys.modules.get("numpy")) is not None:
        numpy.random.seed()


def _end_with_the_supervisor() -> None:
    """It was killed: the container is over, and nobody would replace or end this process."""
    os._exit(1)
