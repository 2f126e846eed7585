"""What the container's environment says."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

# The limit of InvokeEndpoint's body in SageMaker Runtime's service model (shape BodyBlob).
MAX_BODY_BYTES = 6_291_456


@dataclass(frozen=True)
class Settings:
    """Port and host to listen on, folders of the model and of `inference.py`, and the version that answers name."""

    port: int
    host: str
    model_dir: Path
    inference_dir: Path
    model_version: str | None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """Read SageMaker's variables and ours. Raises ValueError that names a variable with an unusable value."""
        port = environment.get("SAGEMAKER_BIND_TO_PORT", "8080")
        if not port.isdigit() or not 0 < int(port) < 65536:
            raise ValueError(f"SAGEMAKER_BIND_TO_PORT: {port!r} is not a port")
        root = Path(environment.get("SLIPWAY_ML_ROOT", "/opt/ml"))
        return cls(
            port=int(port),
            # SageMaker reaches the container from outside, hence every address unless one is named.
            host=environment.get("SLIPWAY_BIND_HOST", "0.0.0.0"),  # noqa: S104
            model_dir=Path(environment.get("SM_MODEL_DIR", root / "model")),
            inference_dir=Path(environment.get("SLIPWAY_INFERENCE_DIR", "/opt/slipway/inference")),
            model_version=environment.get("SLIPWAY_MODEL_VERSION"),
        )
