"""The `triggers` part of a manifest: what starts a training run, and how often at most."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from infra.manifest_fields import Strict

_RATE = re.compile(r"rate\((1 (minute|hour|day)|([2-9]|[1-9][0-9]+) (minutes|hours|days))\)")
_CRON = re.compile(r"cron\([^ ()]+( [^ ()]+){5}\)")


def _is_schedule(value: str) -> str:
    if not (_RATE.fullmatch(value) or _CRON.fullmatch(value)):
        raise ValueError(
            "is not a schedule: allowed: rate(1 day), rate(12 hours), or cron(...) with six fields, such as"
            " cron(0 3 * * ? *) (minutes, hours, day of month, month, day of week, year; UTC)"
        )
    return value


class Triggers(Strict):
    """All of them go the same way: an event, the workload's queue, a recorded request, one run at a time."""

    objects: bool = True
    """An object that lands in a complete data set."""
    schedule: Annotated[str, AfterValidator(_is_schedule)] | None = None
    """Trains again, on the newest complete data set (EventBridge's rate or cron expressions)."""
    api: bool = True
    """`POST /workloads/{name}/training-runs`."""
    on_deploy: bool = False
    """A deployment that changed what runs are made with: code, images, training parameters."""
    debounce_seconds: Annotated[int, Field(ge=0, le=900)] = 1  # DelaySeconds of SQS
    """How long nothing more must land before the run starts. A data set that says how many files it has
    (request.json, as the command line writes it) is not waited for."""
    cooldown_seconds: Annotated[int, Field(ge=0, le=604_800)] = 0
    """How long after a run's end the next one starts at the earliest."""
