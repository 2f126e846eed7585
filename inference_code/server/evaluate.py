"""Judges challenger and champion on the same holdout by the same code: `python -m server.evaluate`, a processing job.

Reads, below /opt/ml/processing/input: `challenger/model.tar.gz`, `champion/model.tar.gz` (absent for the first model),
`holdout/`. Writes output/evaluation.json. A champion that cannot be evaluated is recorded, because it must not keep a
better model from replacing it; a challenger that cannot be evaluated fails the job.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Any

from server import archive, hooks
from server.errors import InferenceCodeError
from server.settings import Settings


def main() -> int:
    """The job's exit code; what went wrong is the job's ExitMessage too (/opt/ml/output/message)."""
    root = Path(os.environ.get("SLIPWAY_ML_ROOT", "/opt/ml"))
    try:
        report = evaluate(root / "processing" / "input", hooks.load(Settings.from_environment().inference_dir))
    except Exception as error:
        traceback.print_exc()
        message = root / "output" / "message"
        message.parent.mkdir(parents=True, exist_ok=True)
        message.write_text(f"{type(error).__name__}: {error}"[:1024])
        return 1
    output = root / "processing" / "output"
    output.mkdir(parents=True, exist_ok=True)
    # A metric may be NaN: Python writes and reads it, and the gate rejects it by name.
    (output / "evaluation.json").write_text(json.dumps(report, indent=2))
    print(json.dumps(report), flush=True)
    return 0


def evaluate(inputs: Path, found: hooks.Hooks) -> dict[str, Any]:
    """`{"challenger": {"metrics"}, "champion": None | {"metrics"} | {"error"}}`."""
    if found.evaluate is None:
        raise InferenceCodeError("inference.py defines no function evaluate(model, holdout_dir)")
    holdout = inputs / "holdout"
    report: dict[str, Any] = {"challenger": _judge(inputs / "challenger", holdout, found), "champion": None}
    if (inputs / "champion" / "model.tar.gz").exists():
        try:
            report["champion"] = _judge(inputs / "champion", holdout, found)
        except Exception as error:
            traceback.print_exc()
            report["champion"] = {"error": f"{type(error).__name__}: {error}"}
    return report


def _judge(folder: Path, holdout: Path, found: hooks.Hooks) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as unpacked:
        archive.extract(folder / "model.tar.gz", Path(unpacked))
        metrics = found.evaluate(found.model_fn(unpacked), str(holdout))
    return {"metrics": metrics}


if __name__ == "__main__":
    sys.exit(main())
