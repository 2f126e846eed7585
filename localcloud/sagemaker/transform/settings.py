"""How requests are made: from the job, else from the container's execution parameters, else SageMaker's defaults.

https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-batch-code.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MEGABYTE = 1 << 20
_DEFAULTS = {"MaxConcurrentTransforms": 1, "MaxPayloadInMB": 6, "BatchStrategy": "MULTI_RECORD"}
_STRATEGIES = {"SingleRecord": "SINGLE_RECORD", "MultiRecord": "MULTI_RECORD"}
_ENVIRONMENT = {
    "MaxConcurrentTransforms": "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS",
    "MaxPayloadInMB": "SAGEMAKER_MAX_PAYLOAD_IN_MB",
    "BatchStrategy": "SAGEMAKER_BATCH_STRATEGY",
}


@dataclass(frozen=True, kw_only=True)
class Settings:
    """``max_payload_mb`` 0: a request may be arbitrarily large and is sent in chunks."""

    max_concurrent: int
    max_payload_mb: int
    strategy: str

    @property
    def max_payload_bytes(self) -> int | None:
        return self.max_payload_mb * MEGABYTE or None

    def describe(self) -> str:
        """The first line of a job's data log."""
        return (
            f"MaxConcurrentTransforms={self.max_concurrent}, MaxPayloadInMB={self.max_payload_mb},"
            f" BatchStrategy={self.strategy}"
        )


def settings(job: Mapping[str, Any], offered: Mapping[str, Any]) -> Settings:
    """What holds for a job. ``offered``: from ``execution_parameters``."""
    chosen = {**_DEFAULTS, **offered, **_requested(job)}
    return Settings(
        max_concurrent=chosen["MaxConcurrentTransforms"],
        max_payload_mb=chosen["MaxPayloadInMB"],
        strategy=chosen["BatchStrategy"],
    )


def environment(job: Mapping[str, Any]) -> dict[str, str]:
    """The variables of a transform job's container: what the request does not say is not passed on."""
    requested = {_ENVIRONMENT[name]: str(value) for name, value in _requested(job).items()}
    return {"SAGEMAKER_BATCH": "true", **requested}


def execution_parameters(status: int, body: bytes) -> dict[str, Any]:
    """What a container answered to GET /execution-parameters; nothing where it has no such answer.

    Raises ValueError for values that it may not have.
    """
    if status != 200:
        return {}
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return {}  # many servers answer 200 to whatever they are asked
    if not isinstance(document, dict):
        return {}
    offered = {name: document[name] for name in _DEFAULTS if name in document}
    for name, value in offered.items():
        if not _is_valid(name, value):
            raise ValueError(f"GET /execution-parameters: {name} is {value!r}")
    return offered


def _is_valid(name: str, value: Any) -> bool:
    if name == "BatchStrategy":
        return value in _STRATEGIES.values()
    lowest = 1 if name == "MaxConcurrentTransforms" else 0
    return isinstance(value, int) and not isinstance(value, bool) and value >= lowest


def _requested(job: Mapping[str, Any]) -> dict[str, Any]:
    found = {name: job[name] for name in ("MaxConcurrentTransforms", "MaxPayloadInMB") if name in job}
    if not found.get("MaxConcurrentTransforms"):
        found.pop("MaxConcurrentTransforms", None)  # 0 is as good as not given
    if "BatchStrategy" in job:
        found["BatchStrategy"] = _STRATEGIES[job["BatchStrategy"]]
    return found
