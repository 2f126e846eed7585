"""ONNX, with its weights inside."""

from __future__ import annotations

import mmap
import os
from pathlib import Path
from typing import Any

from server.artifacts.refusal import RefusedArtifact, refused

# StringStringEntryProto of TensorProto.external_data with the key "location": names a file that is read at loading.
_LOCATION = b"\x0a\x08location\x12"
_ERRORS_ONLY = 3


def check(path: Path) -> None:
    """Raises RefusedArtifact, OSError."""
    if not path.stat().st_size:
        raise RefusedArtifact(path, "not ONNX: it is empty")
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        if content.find(_LOCATION) >= 0:
            raise RefusedArtifact(path, "its weights lie in another file, which it names")


def load(path: Path, threads: int | None) -> Any:
    check(path)
    import onnxruntime

    options = onnxruntime.SessionOptions()
    # The server tells every library the same, for the processors that one worker has.
    options.intra_op_num_threads = threads or int(os.environ.get("OMP_NUM_THREADS") or 1)
    # Threads that spin while they wait take the processor from the other workers.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = _ERRORS_ONLY
    with refused(path, "ONNX"):
        return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
