"""A model that answers rightly, and too late."""

from __future__ import annotations

from cli.drills import models
from cli.drills.drill import Result
from cli.drills.faults import Fault
from cli.drills.stage import Stage

TIMES_THE_LIMIT = 2
WITHOUT_LIMIT_SECONDS = 0.5
"""For a comparison with the model beside it, which small models answer in milliseconds."""
_MICROSECONDS = 1e6
_COMPARED = ("ab", "shadow")


class SlowModel:
    keeps_version = True

    def refusal(self, stage: Stage) -> str | None:
        unseen = models.cannot_watch(stage)
        if unseen or _limit(stage) is not None or stage.descriptor["rollout"]["strategy"] in _COMPARED:
            return unseen
        strategy = stage.descriptor["rollout"]["strategy"]
        return f"its strategy {strategy} sees a slow model by an alarm only; set rollout.latency_p99_ms"

    def play(self, stage: Stage) -> Result:
        limit = _limit(stage)
        return models.play(stage, Fault.SLOW_MODEL, seconds=limit * TIMES_THE_LIMIT if limit else WITHOUT_LIMIT_SECONDS)


def _limit(stage: Stage) -> float | None:
    """The p99 latency, in seconds, at which the workload's alarm rings; None without one."""
    names = [name for name in stage.descriptor["rollout"]["alarms"] if "-endpoint-latency" in name]
    if not names:
        return None
    (alarm, *_) = stage.target.client("cloudwatch").describe_alarms(AlarmNames=names)["MetricAlarms"]
    return alarm["Threshold"] / _MICROSECONDS
