"""Short clips of moving shapes, which the workload draws itself."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from headline.row import Figure, Row, at_least
from headline.slipway import ROOT


def prepare(data: Path, folder: Path) -> None:
    command = [sys.executable, "-m", "cli", "sample-data", "video_3dcnn", str(folder)]
    subprocess.run(command, check=True, cwd=ROOT)


ROW = Row(
    number=8,
    workload="video_3dcnn",
    prepare=prepare,
    figures=(
        Figure(
            metric="accuracy on synthetic classes",
            original="not reported",
            required=at_least(0.95),
            measured="accuracy",
        ),
    ),
)
