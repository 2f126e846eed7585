"""The job: capture files in, report.json and report.html out (docs/contract.md, "Monitoring container")."""

from __future__ import annotations

import argparse
import json
import os
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from monitoring import page, quality, records
from monitoring.compare import compare
from monitoring.records import Record

_MAX_MESSAGE = 1000  # ExitMessage takes 1,024 characters
_NAMED = 5


def main() -> int:
    root = Path(os.environ.get("SLIPWAY_ML_ROOT", "/opt/ml"))
    try:
        report = run(root / "processing/input", _arguments().parse_args())
    except Exception as error:
        traceback.print_exc()
        _write(root / "output/message", f"{type(error).__name__}: {error}"[:_MAX_MESSAGE])
        return 1
    output = root / "processing/output"
    _write(output / "report.json", json.dumps(report, indent=2, allow_nan=False) + "\n")
    _write(output / "report.html", page.render(report))
    _write(root / "output/message", report["summary"][:_MAX_MESSAGE])
    print(report["summary"], flush=True)
    return 0


def run(inputs: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """The document of report.json."""
    captured, unreadable = records.read(inputs / "captures")
    baseline, rest, source = _split(inputs / "baseline", captured, arguments.baseline_requests)
    recent = [record for record in rest if record.time >= arguments.since]
    enough = min(len(baseline), len(recent)) >= arguments.minimum_requests
    columns = compare(baseline, recent, arguments.threshold) if enough else []
    labels, bad_labels = quality.read_labels(inputs / "labels")
    live = [record for record in captured if record.time >= arguments.since]
    measured = quality.measure(live, labels, arguments.quality_metric, arguments.quality_field) if labels else None
    drifted = [column["name"] for column in columns if column["drifted"]]
    report = {
        "workload": arguments.workload,
        "model_version": arguments.model_version,
        "since": arguments.since,
        "outcome": "not_enough_requests" if not enough else "drifted" if drifted else "stable",
        "baseline": source,
        "baseline_records": len(baseline),
        "recent_records": len(recent),
        "unreadable_lines": unreadable,
        "unreadable_labels": bad_labels,
        "threshold": arguments.threshold,
        "max_score": max((column["score"] for column in columns), default=None),
        "drifted": drifted,
        "quality": measured,
        "columns": columns,
    }
    return {"summary": _summary(report, arguments.minimum_requests), **report}


def _split(folder: Path, captured: Sequence[Record], first: int) -> tuple[Sequence[Record], Sequence[Record], str]:
    """Baseline, the rest, and where the baseline is from: the holdout where the evaluation recorded it."""
    recorded, _ = records.read(folder)
    if recorded:
        return recorded, captured, "the holdout, as the evaluation asked the model"
    return captured[:first], captured[first:], "the first that this version was sent"


def _summary(report: dict[str, Any], minimum: int) -> str:
    sizes = f"{report['baseline_records']} baseline and {report['recent_records']} recent requests"
    if report["outcome"] == "not_enough_requests":
        text = f"Nothing was compared: {sizes}, needed are {minimum} of each"
    elif report["drifted"]:
        names = ", ".join(report["drifted"][:_NAMED])
        text = f"{len(report['drifted'])} of {len(report['columns'])} columns drifted ({names}): {sizes}"
    else:
        text = f"None of {len(report['columns'])} columns drifted: {sizes}"
    measured = report["quality"]
    if measured:
        text += f". Live {measured['metric']} {measured['value']:.4g} over {measured['labelled_rows']} labelled rows"
    return f"{text}."


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser()
    parser.add_argument("--workload", required=True)
    parser.add_argument("--model-version", required=True)
    parser.add_argument("--since", required=True, help="ISO 8601, UTC: what was asked from then on is recent")
    parser.add_argument("--baseline-requests", type=int, required=True)
    parser.add_argument("--minimum-requests", type=int, required=True)
    parser.add_argument("--threshold", type=float, required=True)
    parser.add_argument("--quality-metric", choices=["accuracy", "mae"])
    parser.add_argument("--quality-field")
    return parser


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
