"""Real MNIST digits: 7,000 to train with, 1,000 to test with."""

from __future__ import annotations

import shutil
from pathlib import Path

from headline.row import Figure, Row, at_least


def prepare(data: Path, folder: Path) -> None:
    for path in data.glob("*-ubyte.gz"):
        shutil.copy(path, folder)


ROW = Row(
    number=1,
    workload="mnist_lightning",
    source="mnist",
    prepare=prepare,
    figures=(Figure(metric="test accuracy", original="never tested", required=at_least(0.98), measured="accuracy"),),
)
