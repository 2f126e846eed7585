"""The container's environment, read once."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

# InvokeEndpoint's BodyBlob takes no more (botocore's service model of sagemaker-runtime).
MAX_BODY_BYTES = 6_291_456
# "The model container must respond to requests within 60 seconds" (SageMaker: custom inference code).
_TIMEOUT_SECONDS = 60
LOAD_IN_WORKERS = "SLIPWAY_LOAD_IN_WORKERS"
WORKERS = "SAGEMAKER_MODEL_SERVER_WORKERS"
_QUEUED_REQUESTS = 256
_BATCH_ROWS = 64


@dataclass(frozen=True)
class Settings:
    """Attributes:
    bind: the address to listen on; SageMaker reaches a container from outside it.
    ml_root: /opt/ml.
    inference: the workload's folder; in the image it lies beside this package.
    model_version: answered as a custom attribute; None where CreateModel set none.
    model_sha256: the fingerprint (server.model.fingerprint) that the model must have; None where CreateModel set none.
    workers: processes that answer requests.
    library_threads: what a library may use of them for one prediction, so that all workers together fill the machine.
    max_queued: requests that wait in one worker before more are refused with 503.
    timeout_seconds: after which a request is answered with 504.
    max_batch_rows, max_batch_wait_seconds: of a micro-batch; a wait of 0 takes what is there when the model is free.
    multi_model: models come and go by POST and DELETE /models.
    load_in_workers: each worker loads the model itself, in place of sharing what was loaded before they were forked.
    endpoint: its name, a dimension of the metrics in the log; None where CreateModel set none.
    """

    bind: str
    port: int
    ml_root: Path
    inference: Path
    model_version: str | None
    model_sha256: str | None
    workers: int
    library_threads: int
    max_queued: int
    timeout_seconds: float
    max_batch_rows: int
    max_batch_wait_seconds: float
    multi_model: bool
    load_in_workers: bool
    endpoint: str | None

    @property
    def model_dir(self) -> Path:
        return self.ml_root / "model"

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Settings:
        """Raises ValueError that names the variable."""
        multi_model = environment.get("SAGEMAKER_MULTI_MODEL", "").lower() == "true"
        processors = _processors()
        # What is loaded into one process is not known to another: a container of many models is one process.
        workers = 1 if multi_model else _number(environment, WORKERS, processors, 1, 1024)
        return cls(
            bind=environment.get("SLIPWAY_BIND_ADDRESS", "0.0.0.0"),  # noqa: S104
            port=_number(environment, "SAGEMAKER_BIND_TO_PORT", 8080, 1, 65535),
            ml_root=Path(environment.get("SLIPWAY_ML_ROOT", "/opt/ml")),
            inference=Path(__file__).absolute().parents[1] / "inference",
            model_version=_matching(
                environment, "SLIPWAY_MODEL_VERSION", r"[A-Za-z0-9._-]{1,64}", "a version such as 3"
            ),
            model_sha256=_matching(environment, "SLIPWAY_MODEL_SHA256", r"[0-9a-f]{64}", "a SHA-256 of 64 hex digits"),
            workers=workers,
            library_threads=max(1, processors // workers),
            max_queued=_number(environment, "SLIPWAY_MAX_QUEUED_REQUESTS", _QUEUED_REQUESTS, 1, 100_000),
            timeout_seconds=_number(environment, "SAGEMAKER_MODEL_SERVER_TIMEOUT", _TIMEOUT_SECONDS, 1, 3600),
            max_batch_rows=_number(environment, "SLIPWAY_BATCH_MAX_ROWS", _BATCH_ROWS, 1, 65536),
            max_batch_wait_seconds=_number(environment, "SLIPWAY_BATCH_MAX_WAIT_MICROSECONDS", 0, 0, 1_000_000) / 1e6,
            multi_model=multi_model,
            load_in_workers=workers == 1 or environment.get(LOAD_IN_WORKERS, "").lower() == "true",
            endpoint=_matching(environment, "SLIPWAY_ENDPOINT_NAME", r"[A-Za-z0-9-]{1,63}", "an endpoint's name"),
        )


def _number(environment: Mapping[str, str], name: str, default: int, minimum: int, maximum: int) -> int:
    text = environment.get(name) or str(default)
    if not (text.isascii() and text.isdecimal() and minimum <= int(text) <= maximum):
        raise ValueError(f"{name}: {text!r} is not a whole number from {minimum} to {maximum}")
    return int(text)


def _matching(environment: Mapping[str, str], name: str, pattern: str, what: str) -> str | None:
    text = environment.get(name) or None
    if text and not re.fullmatch(pattern, text):
        raise ValueError(f"{name}: {text!r} is not {what}")
    return text


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
