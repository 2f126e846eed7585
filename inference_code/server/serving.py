"""Loads the model, then listens: a container whose /ping answers has a model that answers."""

from __future__ import annotations

import logging
import os

import uvicorn

from server.application import Application
from server.model import Model
from server.settings import Settings

# SageMaker gives a container 30 s between SIGTERM and SIGKILL; requests in flight are finished within that.
DRAIN_SECONDS = 20
PENDING_PER_CORE = 64


def serve(settings: Settings) -> None:
    """Serve until SIGTERM, then finish the requests in flight. A model that cannot be loaded ends the process."""
    logging.basicConfig(format="%(levelname)s %(name)s: %(message)s", level=logging.INFO)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    application = Application(
        Model.load(settings),
        model_version=settings.model_version,
        threads=cores,
        max_pending=PENDING_PER_CORE * cores,
    )
    uvicorn.run(
        application,
        host=settings.host,
        port=settings.port,
        lifespan="off",
        log_level="warning",
        access_log=False,
        server_header=False,
        date_header=False,
        timeout_graceful_shutdown=DRAIN_SECONDS,
    )
