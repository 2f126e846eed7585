"""The faults that can be played."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from cli.drills.bad_data import BadData
from cli.drills.bad_model import BadModel
from cli.drills.crashing_model import CrashingModel
from cli.drills.drill import Drill
from cli.drills.duplicate_events import DuplicateEvents
from cli.drills.faults import Fault
from cli.drills.lambda_crash import LambdaCrash
from cli.drills.slow_model import SlowModel
from cli.drills.spot_interruption import SpotInterruption
from cli.drills.throttling import Throttling

__all__ = ["DRILLS", "Fault"]

DRILLS: Mapping[Fault, Callable[[], Drill]] = {
    Fault.BAD_MODEL: BadModel,
    Fault.SLOW_MODEL: SlowModel,
    Fault.CRASHING_MODEL: CrashingModel,
    Fault.BAD_DATA: BadData,
    Fault.SPOT_INTERRUPTION: SpotInterruption,
    Fault.LAMBDA_CRASH: LambdaCrash,
    Fault.DUPLICATE_EVENTS: DuplicateEvents,
    Fault.THROTTLING: Throttling,
}
