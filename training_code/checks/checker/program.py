"""The command line of the checker."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from checker import report as reports
from checker.channels import check_channel
from checker.report import Report


def main(arguments: Sequence[str] | None = None) -> int:
    """0 whenever the data could be judged, whatever the verdict: outputs of a failed job may not reach S3."""
    options = _parser().parse_args(arguments)
    document = json.loads(options.rules.read_text(encoding="utf-8"))
    channels = [check_channel(name, options.data / name, document) for name in document["channels"]]
    report = Report(channels=channels, on_bad_file=document["on_bad_file"])
    options.report.mkdir(parents=True, exist_ok=True)
    reports.write(report, options.report)
    if options.source:
        reports.write_manifests(report, options.report, options.source)
    if options.quarantine:
        reports.quarantine(report, options.data, options.quarantine)
    if options.message:
        options.message.write_text(report.message, encoding="utf-8")
    print(report.message, flush=True)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Check a data set by the rules of a workload's manifest.")
    parser.add_argument("--rules", type=Path, required=True, help="JSON document with the rules")
    parser.add_argument("--data", type=Path, required=True, help="folder with one sub-folder a channel")
    parser.add_argument("--report", type=Path, required=True, help="folder that gets report.json")
    parser.add_argument("--source", help="S3 URI of the data set, ending in /: then S3 manifests of the good files too")
    parser.add_argument("--quarantine", type=Path, help="folder that gets copies of the bad files")
    parser.add_argument("--message", type=Path, help="file that gets the verdict in 1 KB")
    return parser
