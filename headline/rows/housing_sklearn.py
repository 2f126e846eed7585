"""The Boston housing data with the article's split, which the workload's own split.py draws."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from headline.row import Figure, Row, equal_to
from headline.slipway import ROOT


def prepare(data: Path, folder: Path) -> None:
    script = ROOT / "training_code/housing_sklearn/split.py"
    subprocess.run([sys.executable, script, data / "housing.csv", folder], check=True)


ROW = Row(
    number=4,
    workload="housing_sklearn",
    source="housing",
    prepare=prepare,
    figures=(
        Figure(metric="test mean squared error", original="41.82", required=equal_to(41.82, places=2), measured="mse"),
        Figure(metric="test R2", original="0.63", required=equal_to(0.634, places=3), measured="r2"),
    ),
)
