"""The server: what it loads before the workers begin, and the loop that keeps them alive."""

from __future__ import annotations

import gc
import logging
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import TYPE_CHECKING

from server.memory import available_bytes, copies_that_fit, resident_bytes
from server.metrics.board import Board
from server.metrics.reports import EmbeddedMetrics
from server.processes.forking import ForkedProcess, threads_running, uses_gpu
from server.processes.supervisor import Patience, Supervisor
from server.settings import LOAD_IN_WORKERS, WORKERS, Settings

if TYPE_CHECKING:
    from server.model.predictor import Predictor

log = logging.getLogger(__name__)
_DRAIN_SECONDS = 27  # more than a worker needs at most, less than SageMaker leaves
_SILENCE_SECONDS = 10
_STEP_SECONDS = 0.25
_METRICS_SECONDS = 60
_LIBRARIES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def serve(settings: Settings) -> int:
    """Serves until SIGTERM, then finishes what is in flight. Returns the exit code: 1 when there is no model to serve.

    Nobody listens on the port before a worker has a model that has answered the workload's sample request.
    """
    logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(asctime)s %(levelname)s %(message)s")
    given = dict(os.environ)
    for name in _LIBRARIES:
        os.environ.setdefault(name, str(settings.library_threads))
    # ONNX Runtime would send what it is used for to its maker, from a thread that makes forking unsafe.
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _exit)
    listener = _bind(settings)
    try:
        predictor = None if settings.load_in_workers else _load_to_share(settings, given)
    except Exception:
        log.exception("the model in %s cannot be served", settings.model_dir)
        return 1
    return _supervise(settings, listener, predictor)


def _bind(settings: Settings) -> socket.socket:
    """Raises OSError where the port is taken."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((settings.bind, settings.port))
    return listener


def _load_to_share(settings: Settings, given: dict[str, str]) -> Predictor:
    """The model, in memory that the workers share. A process that has threads cannot be forked safely (their locks
    stay locked in the copy), so this one begins anew where the model's library has started some.

    Args:
        given: the environment that the container was started with.
    """
    from server.model.loading import load

    started = time.monotonic()
    predictor = load(settings)
    if (threads := threads_running()) > 1:
        _begin_anew(settings, threads, given)
    import server.processes.worker  # noqa: F401  (what every worker needs)

    gc.collect()
    gc.freeze()  # or the collector would write to the pages that are shared
    log.info("the model is ready after %.0f ms", 1000 * (time.monotonic() - started))
    return predictor


def _begin_anew(settings: Settings, threads: int, given: dict[str, str]) -> None:
    """Never returns. As many workers as somebody has set; else one where the model is on a GPU, which batches feed
    better than copies do, or as many copies of it as there is memory for.
    """
    workers = settings.workers
    if not given.get(WORKERS):
        wanted = 1 if uses_gpu() else workers
        workers = copies_that_fit(wanted, resident_bytes(), available_bytes())
    log.warning(
        "the model runs %d threads: each of %d workers loads its own (%s=true says so)",
        threads,
        workers,
        LOAD_IN_WORKERS,
    )
    environment = given | {LOAD_IN_WORKERS: "true", WORKERS: str(workers)}
    os.execve(sys.executable, sys.orig_argv, environment)  # noqa: S606


def _supervise(settings: Settings, listener: socket.socket, predictor: Predictor | None) -> int:
    board = Board(settings.workers)
    lifeline, held = os.pipe()

    def work(index: int) -> int:
        os.close(held)
        from server.processes.worker import run_worker

        return run_worker(settings, board, index, listener, lifeline, predictor)

    patience = Patience(silence=settings.timeout_seconds + _SILENCE_SECONDS, drain=_DRAIN_SECONDS)
    supervisor = Supervisor(
        board.rows,
        lambda index: ForkedProcess(lambda: work(index)),
        lambda: _refuse(listener),
        patience,
        time.monotonic,
        # Models that were loaded into it are lost with it, which only a container that begins anew says.
        replaceable=not settings.multi_model,
    )
    wait = _woken_by_signals(supervisor)
    metrics = EmbeddedMetrics(board, _dimensions(settings))
    metrics_at = time.monotonic() + _METRICS_SECONDS
    while (code := supervisor.step()) is None:
        wait(_STEP_SECONDS)
        if time.monotonic() >= metrics_at:
            metrics_at += _METRICS_SECONDS
            _print(metrics)
    _print(metrics)
    return code


def _refuse(listener: socket.socket) -> None:
    """In all processes that share it; closing it here would leave it open in the others."""
    with suppress(OSError):  # not connected: nobody listened yet
        listener.shutdown(socket.SHUT_RDWR)


def _print(metrics: EmbeddedMetrics) -> None:
    line = metrics.line(round(1000 * time.time()))
    if line:
        print(line, flush=True)


def _dimensions(settings: Settings) -> dict[str, str]:
    named = {"EndpointName": settings.endpoint, "ModelVersion": settings.model_version}
    return {name: value for name, value in named.items() if value}


def _woken_by_signals(supervisor: Supervisor) -> Callable[[float], None]:
    """A function that sleeps, in seconds, until a signal comes."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
        signal.signal(number, lambda number, frame: supervisor.queue_signal(number))

    def wait(seconds: float) -> None:
        if select.select([reading], [], [], seconds)[0]:
            os.read(reading, 1024)

    return wait


def _exit(number: int, frame: FrameType | None) -> None:
    raise SystemExit(0)
