"""A model whose process ends with each request of the traffic."""

from __future__ import annotations

from cli.drills import models
from cli.drills.drill import Result
from cli.drills.faults import Fault
from cli.drills.stage import Stage


class CrashingModel:
    keeps_version = True

    def refusal(self, stage: Stage) -> str | None:
        return models.cannot_watch(stage)

    def play(self, stage: Stage) -> Result:
        return models.play(stage, Fault.CRASHING_MODEL)
