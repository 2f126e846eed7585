"""Reads the history of a Step Functions execution: which step since when, and why it failed.

Input is the `events` list of GetExecutionHistory, oldest first. Both state machines are sequential, so the step of an
event is the state that was entered last before it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

_REDRIVEN = "ExecutionRedriven"


@dataclass(frozen=True)
class Step:
    """One stay in a state.

    `left` is None while the execution is in it; `output` is what the state handed on; `failed` tells that its last
    attempt failed, whether or not the machine went on by a Catch.
    """

    name: str
    entered: datetime
    left: datetime | None = None
    output: Any = None
    failed: bool = False


@dataclass(frozen=True)
class Failure:
    """Why an execution failed: the step, the error's name, and the cause as one readable text."""

    step: str
    error: str
    reason: str


def steps(events: Sequence[Mapping[str, Any]]) -> list[Step]:
    """The stays in states, in order. A state that was left by its Catch ends where the next one begins."""
    found: list[Step] = []
    for event in events:
        kind, when = event["type"], event["timestamp"]
        if kind.endswith("StateEntered"):
            if found and found[-1].left is None:
                found[-1] = replace(found[-1], left=when)
            found.append(Step(name=event["stateEnteredEventDetails"]["name"], entered=when))
        elif found:
            found[-1] = _after(found[-1], event)
    return found


def _after(step: Step, event: Mapping[str, Any]) -> Step:
    """The step the execution is in, with what an event adds to it."""
    kind, when = event["type"], event["timestamp"]
    if kind.endswith("StateExited"):
        output = event["stateExitedEventDetails"].get("output")
        return replace(step, left=when, output=json.loads(output) if output else None)
    if kind == _REDRIVEN:  # it goes on in the step that failed
        return replace(step, left=None, failed=False)
    if _ends_execution(kind):
        return replace(step, left=step.left or when)
    if kind.endswith(("Failed", "TimedOut")):
        return replace(step, failed=True)
    return replace(step, failed=False) if kind.endswith(("Scheduled", "Succeeded")) else step


def failure(events: Sequence[Mapping[str, Any]]) -> Failure | None:
    """Why the execution failed, or None when it did not.

    Some machines end in a Fail state that hands on the original error and cause after clean-up and report, so the step
    at fault is the one whose own failure carries that error. What no task failed in but the machine found out (the
    endpoint is up, but does not answer) it notes in a Pass state, whose name tells it. Failing both (a time-out, an
    abort), it is the step that failed last, or the one in which the execution ended.
    """
    end = next((event for event in reversed(events) if _ends_execution(event["type"])), None)
    if end is None or end["type"] == "ExecutionSucceeded":
        return None
    details = _details(end)
    error = details.get("error") or end["type"].removeprefix("Execution")
    cause = details.get("cause") or ""
    step, step_cause = _failed_step(events, error, cause)
    return Failure(step=step, error=error, reason=reason(step_cause or cause))


def _failed_step(events: Sequence[Mapping[str, Any]], error: str, cause: str) -> tuple[str, str]:
    """Name and cause of the step at fault."""
    current, finding = "", ""
    failed: list[tuple[str, Mapping[str, Any]]] = []
    for event in events:
        if event["type"].endswith("StateEntered"):
            current = event["stateEnteredEventDetails"]["name"]
            finding = current if event["type"] == "PassStateEntered" else finding
        elif event["type"].endswith(("Failed", "TimedOut")) and not _ends_execution(event["type"]):
            failed.append((current, _details(event)))
    same = [step for step, details in failed if (details.get("error"), details.get("cause") or "") == (error, cause)]
    if same:
        return same[-1], cause
    if finding:
        return finding, cause
    return (failed[-1][0], failed[-1][1].get("cause") or "") if failed else (current, cause)


def _ends_execution(event_type: str) -> bool:
    return event_type.startswith("Execution") and event_type not in ("ExecutionStarted", _REDRIVEN)


def _details(event: Mapping[str, Any]) -> Mapping[str, Any]:
    """`TaskFailed` keeps its details in `taskFailedEventDetails`, and so on for every type of event."""
    name = event["type"]
    return event.get(f"{name[0].lower()}{name[1:]}EventDetails") or {}


def reason(cause: str) -> str:
    """The readable part of a cause, beginning with AccessDenied when it is a refusal.

    The errors of Step Functions' SDK integrations do not say so by name: whatever SageMaker refuses is a
    `SageMaker.SageMakerException`.
    """
    text = _text(cause)
    return f"AccessDenied: {text}" if _REFUSAL in text and "AccessDenied" not in text else text


_REFUSAL = "is not authorized to perform"


def _text(cause: str) -> str:
    """A `.sync` task's cause is the job's description as JSON (its `FailureReason` says why), a Lambda's is
    `{"errorType", "errorMessage", "trace"}`; anything else is text already.
    """
    try:
        document = json.loads(cause)
    except ValueError:
        return cause
    if not isinstance(document, dict):
        return cause
    if document.get("FailureReason"):
        return str(document["FailureReason"])
    if document.get("errorMessage"):
        kind = document.get("errorType")
        return f"{kind}: {document['errorMessage']}" if kind else str(document["errorMessage"])
    return cause
