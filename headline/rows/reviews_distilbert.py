"""Generated reviews and a tiny, untrained DistilBERT: the real ones cannot be downloaded where this is built."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from headline.row import Figure, Row, at_least
from headline.slipway import ROOT


def prepare(data: Path, folder: Path) -> None:
    command = [sys.executable, "-m", "cli", "sample-data", "reviews_distilbert", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True)


ROW = Row(
    number=6,
    workload="reviews_distilbert",
    prepare=prepare,
    hyperparameters={"epochs": 6, "learning_rate": 0.001},
    figures=(
        Figure(
            metric="test accuracy (generated reviews)",
            original="not reported",
            required=at_least(0.9),
            measured="accuracy",
        ),
    ),
)
