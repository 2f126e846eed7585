"""One drill from its beginning to its report."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli import descriptors
from cli.drills.catalog import DRILLS, Fault
from cli.drills.drill import Drill, Result
from cli.drills.stage import Stage
from cli.drills.timeline import Event, Timeline
from cli.drills.traffic import Traffic
from cli.errors import CliError, RunFailed

if TYPE_CHECKING:
    from cli.group import Session

CALM_SECONDS = 2.0
"""Traffic before the fault and after its end, of which no request may fail."""


def run(session: Session, workload: str, fault: Fault, report_file: Path | None) -> None:
    """Play the fault and tell what happened. Raises RunFailed where the stack did not behave as it must."""
    target = session.target()
    if target.endpoint is None:
        raise CliError(
            "Drills run on the embedded cloud only: AWS has no way to make its own faults on demand.",
            hint="Rehearse the same stack here: slipway up, slipway train, slipway drill",
        )
    descriptor = descriptors.workload(target, workload)
    sample = descriptor["serving"]["sample_request"]
    if sample is None:
        raise CliError(f"{workload} has no sample_request.json, so a drill has nothing to ask its endpoint.")
    timeline = Timeline(lambda event: _show(session, event))
    traffic = Traffic(target, descriptor["endpoint_name"], sample, timeline)
    stage = Stage(target, session.embedded, descriptor, timeline, traffic, session.err)
    drill = DRILLS[fault]()
    refusal = drill.refusal(stage)
    if refusal:
        raise CliError(f"{workload} cannot be drilled for {fault.value}: {refusal}")
    report = _perform(drill, stage, fault)
    if report_file:
        report_file.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    _tell(session, report)
    if report["problems"]:
        raise RunFailed("The stack did not behave as it must:\n" + "\n".join(f"  {why}" for why in report["problems"]))


def _perform(drill: Drill, stage: Stage, fault: Fault) -> dict[str, Any]:
    before = stage.version()
    stage.timeline.add(f"drill {fault.value}: version {before} serves")
    with stage.traffic.flowing(), stage.watched():
        stage.await_quiet()
        time.sleep(CALM_SECONDS)
        began = stage.timeline.now()
        result = drill.play(stage)
        over = stage.timeline.add(f"over: {result.outcome}")
        time.sleep(CALM_SECONDS)
    after = stage.version()
    return {
        "drill": fault.value,
        "workload": stage.descriptor["name"],
        "outcome": result.outcome,
        "rolled_back": result.outcome == "rolled back",
        "requests": len(stage.traffic.answers),
        "failed_requests": len(stage.traffic.failed()),
        "phases": {
            "before": _phase(stage, 0.0, began),
            "during": _phase(stage, began, over),
            "after": _phase(stage, over, float("inf")),
        },
        "serving_version_before": before,
        "serving_version_after": after,
        "seconds": round(stage.timeline.now(), 1),
        "problems": [*result.problems, *_problems(drill, stage, result, before, after, over)],
        "events": [asdict(event) for event in stage.timeline.in_order()],
    }


def _phase(stage: Stage, start: float, end: float) -> dict[str, Any]:
    """Who answered how many of the requests of these seconds, and how many failed."""
    return {"served": stage.traffic.served(start, end), "failed": len(stage.traffic.failed(start, end))}


def _problems(
    drill: Drill, stage: Stage, result: Result, before: str | None, after: str | None, over: float
) -> list[str]:
    """What every drill asks: nothing fails but while the fault lasts, and the right model serves alone at the end."""
    found = []
    if drill.keeps_version and after != before:
        found.append(f"version {after} serves in the place of version {before}")
    start, end = result.disturbed or (float("inf"), float("-inf"))
    lost = [answer for answer in stage.traffic.failed() if not start <= answer.began <= end]
    if lost:
        found.append(f"{len(lost)} requests failed outside the fault, the first of them: {lost[0].failure}")
    served = stage.traffic.served(over)
    if not served:
        found.append("nobody answered after the end")
    if strangers := {by for by in served if not by.startswith("variant ")} - {after}:
        found.append(f"version {', '.join(sorted(strangers))} still answered after the end, not only version {after}")
    return found


def _show(session: Session, event: Event) -> None:
    session.err.print(f"{event.seconds:7.1f} s  {event.what}", highlight=False, markup=False, soft_wrap=True)


def _tell(session: Session, report: dict[str, Any]) -> None:
    lines = [
        f"{report['drill']}: {report['outcome']} in {report['seconds']:g} s",
        f"version {report['serving_version_before']} served before, {report['serving_version_after']} after",
        f"{report['requests']} requests, {report['failed_requests']} failed",
        *(f"  {name}: {_shares(phase)}" for name, phase in report["phases"].items()),
    ]
    session.out.print("\n".join(lines), highlight=False, markup=False, soft_wrap=True)


def _shares(phase: dict[str, Any]) -> str:
    """Each one's share of a phase's requests, and that of the failed ones."""
    counts = {_name(by): count for by, count in phase["served"].items()} | {"failed": phase["failed"]}
    whole = sum(counts.values())
    return ", ".join(f"{who} {count / whole:.1%}" for who, count in sorted(counts.items())) if whole else "no request"


def _name(by: str) -> str:
    return by if by.startswith("variant ") else f"version {by}"
