"""The names that docs/contract.md prescribes, and the patterns that names from outside must match."""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping

WORKLOAD = re.compile(r"[a-zA-Z][a-zA-Z0-9_]{0,62}")
DATASET = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,59}")
# Narrower than what StartExecution takes as a name: it must also do as an S3 key and as a model package's metadata
# value.
RUN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.=+@-]{0,79}")
# In the place of a training job's name, in the key of an artifact that no training job wrote.
IMPORTED_MODEL = re.compile(r"imported-[A-Za-z0-9][A-Za-z0-9-]{0,49}")
_MODEL_VERSION = re.compile(r".+-v([0-9]+)-[0-9a-f]{8}")


def data_hash(versions: Iterable[tuple[str, str]]) -> str:
    """The first 12 hex digits of the SHA-256 over the sorted (key, version id) pairs: the same for any order of
    delivery.
    """
    text = json.dumps(sorted(versions), separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def run_name(dataset: str, versions: Iterable[tuple[str, str]]) -> str:
    """The name of the run, which is the name of the train machine's execution (at most 80 characters)."""
    return f"{dataset}-{data_hash(versions)}"


def job_name(prefix: str, run: str) -> str:
    """The training job of `run`; `prefix` is the descriptor's `job_prefix`."""
    return f"{prefix}-{run_hash(run)}"


def run_hash(run: str) -> str:
    """What the names of a run's jobs have in common: 12 hex digits."""
    return hashlib.sha256(run.encode()).hexdigest()[:12]


def model_name(prefix: str, *, version: int, execution: str) -> str:
    """The model, and the endpoint config, that one rollout execution makes of a model package's version."""
    return f"{prefix}-v{version}-{hashlib.sha256(execution.encode()).hexdigest()[:8]}"


def model_version(name: str) -> str | None:
    """The model package's version in a model's name; None for a name that no rollout made."""
    match = _MODEL_VERSION.fullmatch(name)
    return match.group(1) if match else None


def capture_uri(artifacts: Mapping[str, str], *, config: str) -> str:
    """Where the endpoint config `config` has data capture write; `artifacts` is the descriptor's. All workloads' below
    one prefix, by which the bucket's lifecycle rule finds them, and which is no workload's name.
    """
    return f"s3://{artifacts['bucket']}/_captured/{artifacts['prefix']}{config}"
