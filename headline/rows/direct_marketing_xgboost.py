"""The bank's phone calls, of which a seeded twentieth is for validation; raw rows are asked about as CSV."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from headline.row import Deployed, Figure, Row, at_least
from headline.slipway import ROOT


def prepare(data: Path, folder: Path) -> None:
    script = ROOT / "training_code/direct_marketing_xgboost/split.py"
    subprocess.run([sys.executable, script, data / "bank-additional-encoded.csv.gz", folder], check=True)


def measure(deployed: Deployed) -> Mapping[str, float]:
    """Accuracy of what the API answers to the validation rows, sent as they are in the file but for the label."""
    rows = [line.rsplit(",", 1) for line in (deployed.dataset / "validation.csv").read_text("utf-8").splitlines()[1:]]
    request = deployed.dataset / "rows.csv"
    request.write_text("".join(f"{columns}\n" for columns, _ in rows), encoding="utf-8")
    answer = deployed.slipway.predict(deployed.workload, request, "text/csv")
    right = sum((p > 0.5) == (label == "1") for p, (_, label) in zip(answer["predictions"], rows, strict=True))
    return {"answered_accuracy": right / len(rows)}


ROW = Row(
    number=3,
    workload="direct_marketing_xgboost",
    source="direct_marketing",
    prepare=prepare,
    measure=measure,
    figures=(
        Figure(metric="validation AUC", original="not reported", required=at_least(0.945), measured="auc"),
        Figure(
            metric="accuracy of the API's answers to CSV",
            original="not reported",
            required=at_least(0.9),
            measured="answered_accuracy",
        ),
    ),
)
