"""The status as a person reads it."""

from __future__ import annotations

import io
from typing import Any

from rich.console import Console

from cli import status

VARIANT = {"name": "primary", "weight": 1.0, "instances": 1, "model": "m", "model_version": "2"}
ENDPOINT = {"name": "e", "status": "InService", "config": "c", "failure_reason": None, "variants": [VARIANT]}
RUN = {"name": "r", "status": "SUCCEEDED", "started": "2026-05-01T12:00:00.1+00:00", "seconds": 28.2}


def shown(**workload: Any) -> list[str]:
    output = io.StringIO()
    document = {
        "target": "local",
        "stage": "dev",
        "region": "us-east-1",
        "api_url": "http://api",
        "workloads": [workload],
    }
    status.show(document, Console(file=output, width=20))
    return output.getvalue().splitlines()


def test_endpoint_and_runs_are_one_line_each_however_narrow_the_terminal() -> None:
    runs = [
        RUN | {"outcome": "registered", "model_version": "2"},
        RUN | {"outcome": "rejected", "model_version": None},
        RUN | {"status": "RUNNING", "outcome": None, "model_version": None, "seconds": None},
    ]
    assert shown(name="digits", endpoint=ENDPOINT, runs=runs) == [
        "API  http://api  (local, stage dev, us-east-1)",
        "",
        "digits",
        "  endpoint e: InService; primary weight 1 x1 model version 2",
        "  runs, newest first:",
        "    r  registered model version 2  (2026-05-01T12:00:00, 28 s)",
        "    r  rejected  (2026-05-01T12:00:00, 28 s)",
        "    r  running  (2026-05-01T12:00:00)",
    ]


def test_a_workload_without_endpoint_or_run_says_what_comes_next() -> None:
    lines = shown(name="digits", endpoint=None, runs=[])
    assert "no endpoint yet" in lines[3]
    assert "slipway train digits --data FOLDER" in lines[4]


def test_a_failed_endpoint_gives_its_reason() -> None:
    failed = ENDPOINT | {"status": "Failed", "failure_reason": "ping timed out", "variants": []}
    assert shown(name="digits", endpoint=failed, runs=[])[3] == "  endpoint e: Failed (ping timed out); no variant"
