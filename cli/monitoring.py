"""`monitor`: one look at the requests that an endpoint's data capture wrote, now and not by the schedule."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from cli import descriptors
from cli.errors import CliError, CommandFailed
from cli.progress import Board
from cli.target import Target

if TYPE_CHECKING:
    from cli.group import Session

SHOWN_COLUMNS = 10
_HINT = "docs/monitoring.md says what to put into its manifest."


def monitor(session: Session, workload: str, *, as_json: bool) -> None:
    """Start the monitor machine (docs/contract.md), wait for it, print the report; raises CommandFailed."""
    target = session.target()
    descriptor = descriptors.workload(target, workload)
    if descriptor["monitoring"] is None:
        raise CliError(f"The manifest of {workload} has no monitoring.", hint=_HINT)
    with Board(session.err) as board, board.phase("compare requests"):
        output = _look(target, descriptor)
    report = _report(target, output["report_uri"]) if output["report_uri"] else output
    if as_json:
        print(json.dumps({**report, "report_uri": output["report_uri"]}, indent=2))
    else:
        session.out.print("\n".join(lines(report, output["report_uri"])), markup=False, highlight=False, soft_wrap=True)


def lines(report: Mapping[str, Any], uri: str | None) -> list[str]:
    """The summary, and the columns that are furthest from the baseline."""
    text = [report["summary"]]
    for column in report.get("columns", [])[:SHOWN_COLUMNS]:
        mark = "!" if column["drifted"] else " "
        text.append(f" {mark} {column['name']}: PSI {column['psi']:.3f} (by chance up to {column['chance']:.3f})")
    return [*text, f"Plots: {uri.removesuffix('.json')}.html"] if uri else text


def _look(target: Target, descriptor: Mapping[str, Any]) -> dict[str, Any]:
    """The machine's output."""
    states = target.client("stepfunctions")
    name = f"monitor-{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{secrets.token_hex(2)}"
    arn = descriptor["monitoring"]["state_machine_arn"]
    execution = states.start_execution(stateMachineArn=arn, name=name, input="{}")["executionArn"]
    described = states.describe_execution(executionArn=execution)
    while described["status"] == "RUNNING":
        time.sleep(target.poll_seconds)
        described = states.describe_execution(executionArn=execution)
    if described["status"] != "SUCCEEDED":
        cause = f"{described.get('error', described['status'])}: {described.get('cause', 'no cause given')}"
        raise CommandFailed(f"Monitoring {descriptor['name']} failed: {cause}")
    return json.loads(described["output"])


def _report(target: Target, uri: str) -> dict[str, Any]:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return json.loads(target.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read())
