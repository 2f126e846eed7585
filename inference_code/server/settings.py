"""The container's environment, read once."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

# InvokeEndpoint's BodyBlob takes no more (botocore's service model of sagemaker-runtime).
MAX_BODY_BYTES = 6_291_456
_WAITING_PER_THREAD = 16


@dataclass(frozen=True)
class Settings:
    """Attributes:
    bind: the address to listen on; SageMaker reaches a container from outside it.
    ml_root: /opt/ml.
    inference: the workload's folder; in the image it lies beside this package.
    model_version: answered as a custom attribute; None where CreateModel set none.
    model_sha256: the fingerprint (server.fingerprint) that the model must have; None where CreateModel set none.
    threads: predictions at the same time, one for each processor.
    max_in_flight: requests taken before more are refused with 503.
    """

    bind: str
    port: int
    ml_root: Path
    inference: Path
    model_version: str | None
    model_sha256: str | None
    threads: int
    max_in_flight: int

    @property
    def model_dir(self) -> Path:
        return self.ml_root / "model"

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Settings:
        """Raises ValueError that names the variable."""
        version = environment.get("SLIPWAY_MODEL_VERSION") or None
        if version and not re.fullmatch(r"[A-Za-z0-9._-]{1,64}", version):
            raise ValueError(f"SLIPWAY_MODEL_VERSION: {version!r} is not a version such as 3")
        sha256 = environment.get("SLIPWAY_MODEL_SHA256") or None
        if sha256 and not re.fullmatch(r"[0-9a-f]{64}", sha256):
            raise ValueError(f"SLIPWAY_MODEL_SHA256: {sha256!r} is not a SHA-256 of 64 hex digits")
        port = environment.get("SAGEMAKER_BIND_TO_PORT", "8080")
        if not port.isdecimal() or not 0 < int(port) < 65536:
            raise ValueError(f"SAGEMAKER_BIND_TO_PORT: {port!r} is not a port")
        threads = _processors()
        return cls(
            bind=environment.get("SLIPWAY_BIND_ADDRESS", "0.0.0.0"),  # noqa: S104
            port=int(port),
            ml_root=Path(environment.get("SLIPWAY_ML_ROOT", "/opt/ml")),
            inference=Path(__file__).absolute().parents[1] / "inference",
            model_version=version,
            model_sha256=sha256,
            threads=threads,
            max_in_flight=threads * (1 + _WAITING_PER_THREAD),
        )


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
