"""The evaluation job: challenger and champion on the same holdout, each served by the image that will serve it.

Inputs and outputs are those of `server.evaluate` (docs/contract.md). `SLIPWAY_LABEL_COLUMN` is the manifest's
`evaluation.label_column` as JSON.
"""

from __future__ import annotations

import json
import os
import shutil
import traceback
from pathlib import Path

from evaluation.archive import unpack
from evaluation.holdout import requests
from evaluation.metrics import measure
from evaluation.model_server import ModelServer

_MAX_MESSAGE = 1000  # ExitMessage takes 1,024 characters


def main() -> int:
    root = Path(os.environ.get("SLIPWAY_ML_ROOT", "/opt/ml"))
    try:
        document = evaluate_both(root, json.loads(os.environ["SLIPWAY_LABEL_COLUMN"]))
    except Exception as error:
        traceback.print_exc()
        _write(root / "output/message", _told(error))
        return 1
    text = json.dumps(document, indent=2, sort_keys=True, allow_nan=False) + "\n"
    _write(root / "processing/output/evaluation.json", text)
    print(text, flush=True)
    return 0


def evaluate_both(root: Path, label: str | int) -> dict[str, dict | None]:
    """The document of evaluation.json. Raises what evaluating the challenger raises; the champion's is recorded."""
    challenger = root / "processing/input/challenger/model.tar.gz"
    champion = root / "processing/input/champion/model.tar.gz"
    measured = {"metrics": _evaluate(root, challenger, label)}
    return {"challenger": measured, "champion": _champion(root, champion, label) if champion.is_file() else None}


def _champion(root: Path, archive: Path, label: str | int) -> dict:
    """A champion that today's image cannot serve must not keep better ones from replacing it."""
    try:
        return {"metrics": _evaluate(root, archive, label)}
    except Exception as error:
        traceback.print_exc()
        return {"error": _told(error)}


def _evaluate(root: Path, archive: Path, label: str | int) -> dict[str, float]:
    model = root / "model"
    shutil.rmtree(model, ignore_errors=True)
    labels: list[str] = []
    answers: list[str] = []
    try:
        unpack(archive, model)
        with ModelServer() as server:
            for request in requests(root / "processing/input/holdout", label):
                labels += request.labels
                answers += server.predict(request.body, len(request.labels))
    finally:
        shutil.rmtree(model, ignore_errors=True)
    return measure(labels, answers)


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:_MAX_MESSAGE]


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
