"""The job: capture files in, report.json and report.html out (docs/contract.md, "Monitoring container")."""

from __future__ import annotations

import argparse
import json
import os
import traceback
from pathlib import Path
from typing import Any

from monitoring import page, quality, samples
from monitoring.compare import compare

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
    taken = samples.take(inputs, first=arguments.baseline_requests, since=arguments.since)
    enough = min(len(taken.baseline), len(taken.recent)) >= arguments.minimum_requests
    columns = compare(taken.baseline, taken.recent, arguments.threshold) if enough else []
    labels, bad_labels = quality.read_labels(inputs / "labels")
    live = taken.captured_since(arguments.since)
    measured = quality.measure(live, labels, arguments.quality_metric, arguments.quality_field) if labels else None
    drifted = [column["name"] for column in columns if column["drifted"]]
    report = {
        "workload": arguments.workload,
        "model_version": arguments.model_version,
        "since": arguments.since,
        "outcome": "not_enough_requests" if not enough else "drifted" if drifted else "stable",
        "baseline": taken.source,
        "baseline_records": len(taken.baseline),
        "recent_records": taken.recent_seen,
        "unreadable_lines": taken.unreadable,
        "unreadable_labels": bad_labels,
        "threshold": arguments.threshold,
        "max_score": max((column["score"] for column in columns), default=None),
        "drifted": drifted,
        "quality": measured,
        "columns": columns,
    }
    return {"summary": _summary(report, arguments.minimum_requests), **report}


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
