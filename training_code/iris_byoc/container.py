"""SageMaker's contract with a training container, file by file, without a toolkit.

Read: /opt/ml/input/config/{hyperparameters,inputdataconfig,resourceconfig}.json, /opt/ml/input/data/<channel>.
Written: /opt/ml/model, and /opt/ml/output/failure, whose text becomes the job's FailureReason.
https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo-running-container.html
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from classifier import Settings, accuracy, fit
from table import Table, read

TRAIN, TEST = "train", "test"


def main() -> int:
    """Exit code 0, or 1 with the reason in the failure file."""
    # A machine that cannot give a container a folder /opt/ml of its own names another one.
    root = Path(os.environ.get("SLIPWAY_ML_ROOT", "/opt/ml"))
    try:
        train(root)
    except Exception as error:
        trace = traceback.format_exc()
        # SageMaker shows the first 1,024 characters: what went wrong comes first.
        (root / "output").mkdir(exist_ok=True)
        (root / "output/failure").write_text(f"{type(error).__name__}: {error}\n\n{trace}", encoding="utf-8")
        print(trace, file=sys.stderr, flush=True)
        return 1
    return 0


def train(root: Path) -> None:
    """Raises ValueError for hyperparameters and data that will not do, OSError for files that are not there."""
    config = root / "input/config"
    settings = Settings.from_strings(_json(config / "hyperparameters.json"))
    if not _is_first(_json(config / "resourceconfig.json")):
        print("another host trains: the data is small, and one model is wanted", flush=True)
        return
    channels = _json(config / "inputdataconfig.json")
    if TRAIN not in channels:
        raise ValueError(f"there is no channel {TRAIN!r}: channels: {', '.join(sorted(channels)) or 'none'}")
    model = fit(_table(root, TRAIN, channels, settings), settings)
    print(f"classes={len(model.classes)} rows={model.rows}", flush=True)
    if TEST in channels:
        print(f"test_accuracy={accuracy(model, _table(root, TEST, channels, settings)):.4f}", flush=True)
    (root / "model").mkdir(exist_ok=True)
    model.save(root / "model")


def _is_first(resources: dict) -> bool:
    return resources["current_host"] == min(resources["hosts"])


def _table(root: Path, channel: str, channels: dict, settings: Settings) -> Table:
    mode = channels[channel].get("TrainingInputMode", "File")
    return read(_files(root / "input/data" / channel, mode), label=settings.label_column, ignored=settings.ignored)


def _files(folder: Path, mode: str) -> Iterator[tuple[str, TextIO]]:
    """The channel's texts by name: the folder's files, or in Pipe mode the one stream of the first epoch."""
    if mode == "Pipe":
        # One FIFO an epoch; this training needs the data once.
        names = [folder.with_name(f"{folder.name}_0")]
    else:
        names = sorted(path for path in folder.rglob("*") if path.is_file())
    for path in names:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield path.name, file


def _json(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))
