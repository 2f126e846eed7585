"""The `rollout` part of a manifest: how traffic moves from the model that serves to the new one.

Bounds are those of SageMaker's deployment guardrails (API shapes TrafficRoutingConfig, CapacitySize,
RollingUpdatePolicy) where SageMaker moves the traffic, and of the rollout machine where that does.
"""

from __future__ import annotations

from itertools import pairwise
from math import ceil
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from infra.manifest_fields import Strict

BakeSeconds = Annotated[int, Field(ge=0, le=3600)]  # WaitIntervalInSeconds
WatchSeconds = Annotated[int, Field(ge=0, le=86_400)]
LONGEST_DEPLOYMENT_SECONDS = 10_800
"""What an update by guardrails may spend on watching. With the fleets' start it has to end before SageMaker gives it up
(`lambdas/plan_rollout/requests.py`, DEPLOYMENT_LIMIT_SECONDS), and that before the state machine does."""
Percent = Annotated[int, Field(ge=1, le=100)]


class _Rollout(Strict):
    latency_p99_ms: Annotated[int, Field(ge=1, le=60_000)] | None = None
    """An alarm on the model's p99 latency of one minute, which rolls back; none where this is left out."""
    versions_kept: Annotated[int, Field(ge=2, le=100)] = 5
    """Models and endpoint configs to keep, the newest; what serves, and what served before it, is never deleted."""


class _Guarded(_Rollout):
    """SageMaker's deployment guardrails move the traffic, and go back when an alarm rings."""

    latency_p99_ratio: Annotated[float, Field(gt=1, le=100)] | None = None
    """An alarm on the p99 latency, whose threshold each rollout makes so many times that of the model that serves."""

    @model_validator(mode="after")
    def _watches(self) -> _Guarded:
        if self.latency_p99_ratio is not None and self.watched_seconds == 0:
            raise ValueError(
                f"latency_p99_ratio {self.latency_p99_ratio:g}: nothing is watched with {self.WATCH} 0: allowed: 60 or"
                " more, since latency is measured by the minute"
            )
        return self

    WATCH: ClassVar[str]

    @property
    def watched_seconds(self) -> int:
        """How long the alarms are looked at after each move of traffic."""
        return getattr(self, self.WATCH)

    @property
    def moves(self) -> int:
        """How often traffic moves."""
        return 1

    @model_validator(mode="after")
    def _ends_in_time(self) -> _Guarded:
        total = self.moves * self.watched_seconds
        if total > LONGEST_DEPLOYMENT_SECONDS:
            raise ValueError(
                f"{self.WATCH} {self.watched_seconds}: {self.moves} moves of traffic are watched for {total} seconds"
                f" together: allowed: {LONGEST_DEPLOYMENT_SECONDS}, that is {self.WATCH} up to"
                f" {LONGEST_DEPLOYMENT_SECONDS // self.moves} here"
            )
        return self


class AllAtOnce(_Guarded):
    """All traffic at once to the new fleet; the old one stays until the alarms have been quiet for `bake_seconds`."""

    WATCH = "bake_seconds"
    strategy: Literal["all_at_once"]
    bake_seconds: BakeSeconds = 0


class Canary(_Guarded):
    """A part of the traffic first, and the rest after the bake."""

    WATCH = "bake_seconds"
    strategy: Literal["canary"]
    size_percent: Annotated[int, Field(ge=1, le=50)] = 10
    bake_seconds: BakeSeconds = 300

    @property
    def moves(self) -> int:
        return 2


class Linear(_Guarded):
    """Equal steps, each watched."""

    WATCH = "interval_seconds"
    strategy: Literal["linear"]
    step_percent: Annotated[int, Field(ge=10, le=50)] = 25
    interval_seconds: BakeSeconds = 120

    @property
    def moves(self) -> int:
        return ceil(100 / self.step_percent)


class Rolling(_Guarded):
    """Instances are replaced in batches: no second fleet, so no second bill."""

    WATCH = "interval_seconds"
    strategy: Literal["rolling"]
    batch_percent: Annotated[int, Field(ge=5, le=50)] = 25
    interval_seconds: BakeSeconds = 120

    @property
    def moves(self) -> int:
        return ceil(100 / self.batch_percent)


class Shadow(_Rollout):
    """The new model gets copies of requests and answers nobody; it takes over when it did no worse."""

    strategy: Literal["shadow"]
    mirror_percent: Percent = 100
    watch_seconds: WatchSeconds = 600
    max_latency_ratio: Annotated[float, Field(gt=0, le=100)] = 1.5


class Split(_Rollout):
    """Old and new model are production variants side by side; the new one's share grows in steps, each watched.

    A last step below 100 leaves both serving, until `slipway promote` or `slipway rollback` decides.
    """

    strategy: Literal["ab"]
    steps: Annotated[list[Percent], Field(min_length=1, max_length=20)] = Field(default=[10, 50, 100])
    watch_seconds: WatchSeconds = 300
    max_latency_ratio: Annotated[float, Field(gt=0, le=100)] = 1.5

    @model_validator(mode="after")
    def _grows(self) -> Split:
        if any(after <= before for before, after in pairwise(self.steps)):
            raise ValueError(f"steps {self.steps}: each must be larger than the one before")
        if self.steps[0] == 100:
            raise ValueError("steps [100]: nothing would be split or watched; allowed: a first step below 100")
        return self


Rollout = Annotated[AllAtOnce | Canary | Linear | Rolling | Shadow | Split, Field(discriminator="strategy")]


def latency_ratio(rollout: Rollout) -> float | None:
    """How many times as slow as the old one a new model may be; None without such a limit, or another kind of it."""
    return rollout.latency_p99_ratio if isinstance(rollout, _Guarded) else None


NEEDS_INSTANCES = {"canary": 2, "linear": 2, "rolling": 2}
"""Guardrails that move traffic by part of the fleet need more than one instance to have a part to move."""
