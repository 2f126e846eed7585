"""The process that serves: loading, signals, threads, uvicorn."""

from __future__ import annotations

import logging
import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from types import FrameType

from server.model_host import ModelHost
from server.settings import Settings

# SageMaker sends SIGTERM and, 30 seconds later, SIGKILL.
_DRAIN_SECONDS = 25
_KEEP_ALIVE_SECONDS = 75


def serve(settings: Settings) -> int:
    """Serves until SIGTERM, then finishes what is in flight. Returns the exit code: 1 when the model cannot be loaded.

    The model is loaded beside the start of the HTTP server, which answers /ping with 503 until then.
    """
    logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(asctime)s %(levelname)s %(message)s")
    # Predictions run beside each other, one for each processor: each of them stays on its own.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _exit)
    failed: list[bool] = []
    host = ModelHost(settings)
    host.start(on_failure=lambda: failed.append(True))

    import uvicorn  # after the model's loading has begun

    from server.app import App

    class Server(uvicorn.Server):
        """Stops, too, when the model cannot be loaded."""

        async def on_tick(self, counter: int) -> bool:
            return bool(failed) or await super().on_tick(counter)

    executor = ThreadPoolExecutor(settings.threads, thread_name_prefix="predict")
    config = uvicorn.Config(
        App(host, settings, executor),
        host=settings.bind,
        port=settings.port,
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=_DRAIN_SECONDS,
    )
    Server(config).run()
    return 1 if failed else 0


def _exit(number: int, frame: FrameType | None) -> None:
    """While uvicorn runs it handles signals itself; afterwards it raises them again, and this ends the process."""
    raise SystemExit(0)
