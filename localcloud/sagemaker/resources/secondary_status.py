"""The history of a training job's secondary status (shape SecondaryStatusTransition)."""

from __future__ import annotations

from typing import Any

_FINAL = ("Completed", "Failed", "Stopped", "MaxRuntimeExceeded", "MaxWaitTimeExceeded", "Interrupted")


def begin_secondary_status(document: dict[str, Any], status: str, message: str, now: float) -> None:
    """Enter ``status`` at ``now`` (epoch seconds): end the current transition and append the new one, in place.

    Entering the status that the job is in already only replaces the message. A final status ends as it starts.
    """
    transitions = document.setdefault("SecondaryStatusTransitions", [])
    document["SecondaryStatus"] = status
    document["LastModifiedTime"] = now
    if transitions and transitions[-1]["Status"] == status:
        transitions[-1]["StatusMessage"] = message
        return
    if transitions:
        transitions[-1].setdefault("EndTime", now)
    transition = {"Status": status, "StartTime": now, "StatusMessage": message}
    transitions.append(transition | ({"EndTime": now} if status in _FINAL else {}))
