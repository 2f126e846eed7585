"""The composition root: builds the embedded cloud and serves it until it is told to stop."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import shutil
import signal
import socket
import tempfile
from typing import Any

import uvicorn

from localcloud import lifecycle, processes
from localcloud.config import Config
from localcloud.gateway import Gateway

log = logging.getLogger(__name__)
_SHUTDOWN_SECONDS = 3


def serve(config: Config) -> int:
    """Run in the foreground until SIGTERM or SIGINT. Returns the exit status. Raises LifecycleError."""
    lock = lifecycle.take_lock(config.state_dir)
    listener = lifecycle.bind(config.port)
    status = processes.under_guardian()
    if status is not None:
        return status
    with lock, listener:
        _run(config, listener)
    return 0


def _run(config: Config, listener: socket.socket) -> None:
    logging.basicConfig(format="%(asctime)s %(levelname)s [%(name)s] %(message)s")
    logging.getLogger("localcloud").setLevel(logging.INFO)
    _use_own_temporary_folder(config)
    # uvicorn raises the signal again once it has shut down in order; that must not end us before we are done.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _signum, _frame: None)
    cloud = Cloud(config)
    server = uvicorn.Server(
        uvicorn.Config(
            cloud,
            http="httptools",
            ws="websockets-sansio",
            lifespan="on",
            log_level="warning",
            access_log=False,
            server_header=False,
            date_header=False,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
        )
    )
    server.run(sockets=[listener])


def _use_own_temporary_folder(config: Config) -> None:
    """Code of Lambda functions is unpacked into temporary folders, which a killed server cannot remove itself."""
    folder = config.state_dir / "tmp"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    os.environ["TMPDIR"] = str(folder)
    tempfile.tempdir = str(folder)


class Cloud:
    """The ASGI application: all parts, built once, in the order in which they need each other."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._gateway = Gateway(config)
        self._restored = "empty"

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await self._gateway(scope, receive, self._announcing(send))
        elif scope["type"] == "http" and scope["path"] == lifecycle.STATUS_PATH:
            await self._answer_status(send)
        else:
            await self._gateway(scope, receive, send)

    def _announcing(self, send: Any) -> Any:
        async def wrapped(message: dict[str, Any]) -> None:
            if message["type"] == "lifespan.startup.complete":
                await asyncio.to_thread(lifecycle.write_instance, self._config)
            await send(message)

        return wrapped

    async def _answer_status(self, send: Any) -> None:
        body = json.dumps({"pid": os.getpid(), "restored": self._restored}).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})
