"""The names of the faults, which the command line offers."""

from __future__ import annotations

from enum import StrEnum


class Fault(StrEnum):
    BAD_MODEL = "bad-model"
    SLOW_MODEL = "slow-model"
    CRASHING_MODEL = "crashing-model"
    BAD_DATA = "bad-data"
    SPOT_INTERRUPTION = "spot-interruption"
    LAMBDA_CRASH = "lambda-crash"
    DUPLICATE_EVENTS = "duplicate-events"
    THROTTLING = "throttling"
