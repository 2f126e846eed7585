"""A model that answers rightly, and too late."""

from __future__ import annotations

from cli.drills import models
from cli.drills.drill import Result
from cli.drills.faults import Fault
from cli.drills.stage import Stage

TIMES_THE_LIMIT = 2
WITHOUT_LIMIT_SECONDS = 0.5
"""For a comparison with the model beside it, which small models answer in milliseconds."""
WITH_RATIO_SECONDS = 2.0
"""For a limit that each rollout makes of what the model before it took, on a machine that may be busy."""
_MICROSECONDS = 1e6
_COMPARED = ("ab", "shadow")


class SlowModel:
    keeps_version = True

    def refusal(self, stage: Stage) -> str | None:
        unseen = models.cannot_watch(stage)
        rollout = stage.descriptor["rollout"]
        if unseen or _limit(stage) is not None or rollout["latency"] or rollout["strategy"] in _COMPARED:
            return unseen
        return (
            f"its strategy {rollout['strategy']} sees a slow model by an alarm only; set rollout.latency_p99_ms, or"
            " latency_p99_ratio"
        )

    def play(self, stage: Stage) -> Result:
        return models.play(stage, Fault.SLOW_MODEL, seconds=_seconds(stage))


def _seconds(stage: Stage) -> float:
    limit = _limit(stage)
    if limit is not None:
        return limit * TIMES_THE_LIMIT
    return WITH_RATIO_SECONDS if stage.descriptor["rollout"]["latency"] else WITHOUT_LIMIT_SECONDS


def _limit(stage: Stage) -> float | None:
    """The p99 latency, in seconds, at which the workload's alarm rings; None without one."""
    names = [name for name in stage.descriptor["rollout"]["alarms"] if "-endpoint-latency" in name]
    if not names:
        return None
    (alarm, *_) = stage.target.client("cloudwatch").describe_alarms(AlarmNames=names)["MetricAlarms"]
    return alarm["Threshold"] / _MICROSECONDS
