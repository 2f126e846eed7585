"""One update of an endpoint: from the old fleet to a new one, and back when that fails.

Blue/green brings up a whole new fleet beside the old one and moves traffic; a rolling update replaces instances batch
by batch, so going back means to start old instances again. When they do not come up, the endpoint stays "in service
with a mix of the old and new endpoint configurations", status UpdateRollbackFailed (DescribeEndpoint).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from localcloud.sagemaker.endpoints import deployment
from localcloud.sagemaker.endpoints.deployment import Bake, Linger, Replace, RolledBack, Shift
from localcloud.sagemaker.endpoints.fleet import Fleet, FleetUnhealthy, mix
from localcloud.sagemaker.endpoints.routing import Share

Progress = Callable[[Fleet, Fleet, str], None]

_ABANDON_AGAIN_SECONDS = 0.2


class RollbackFailed(Exception):
    """Update and rollback have failed. `mixture` serves; the message is the endpoint's FailureReason."""

    def __init__(self, mixture: Fleet, reason: str) -> None:
        super().__init__(reason)
        self.mixture = mixture


class Rollout:
    """Takes the steps of a DeploymentConfig.

    Args:
        config: the DeploymentConfig; None for all traffic at once.
        route: makes traffic go to these fleets from now on.
        wait: sleeps; raises when the embedded cloud shuts down.
        check: raises RolledBack when one of these alarms rings.
        progress: takes the old fleet, the new one and the VariantStatus reached.
        drain_seconds: how long requests in flight at an instance that is stopped may take.
    """

    def __init__(
        self,
        old: Fleet,
        config: dict[str, Any] | None,
        *,
        route: Callable[[Sequence[Share]], None],
        wait: Callable[[float], None],
        check: Callable[[Sequence[str]], None],
        progress: Progress,
        drain_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._old, self._config = old, config
        self._route, self._wait, self._progress = route, wait, progress
        self._check_alarms, self._alarms = check, deployment.alarm_names(config)
        self._drain_seconds, self._clock = drain_seconds, clock
        self._old_count = old.size
        self._new: Fleet | None = None
        self._timeout = deployment.execution_timeout(config)
        self._deadline = None if self._timeout is None else clock() + self._timeout

    def run(self, build: Callable[[], Fleet]) -> Fleet:
        """The new fleet, which serves alone. Raises FleetUnhealthy, RolledBack (then `roll_back`).

        Args:
            build: makes the new fleet, not yet started.
        """
        self._check()  # an update that would be rolled back at once is not begun
        self._new = new = build()
        count = new.wanted
        self._progress(self._old, new, "Creating")
        if not deployment.is_rolling(self._config):
            with self._in_time(new):
                new.start()
        for step in deployment.plan_steps(self._config, old=self._old_count, new=count):
            self._take(step)
        self._route([Share(new, 1.0)])
        return new

    def roll_back(self, reason: str) -> None:
        """Makes the old fleet serve alone again, as large as it was. Raises RollbackFailed."""
        new = self._new
        if new is None:
            return
        if deployment.is_rolling(self._config):
            try:
                for step in deployment.plan_rollback(
                    self._config, old=self._old.size, new=new.size, total=self._old_count
                ):
                    self._replace(step)
            except FleetUnhealthy as error:
                raise RollbackFailed(mix(self._old, new), f"{reason} The rollback failed: {error}") from error
        self._route([Share(self._old, 1.0)])
        new.stop(drain_seconds=self._drain_seconds)

    def _take(self, step: deployment.Step) -> None:
        if isinstance(step, Shift):
            self._progress(self._old, self._new, "ActivatingTraffic")
            self._route([Share(self._old, 1 - step.part), Share(self._new, step.part)])
        elif isinstance(step, Replace):
            self._progress(self._old, self._new, "Updating")
            with self._in_time(self._new):
                self._replace(step)
        elif isinstance(step, Bake):
            self._progress(self._old, self._new, "Baking")
            deployment.bake(step.seconds, wait=self._wait_in_time, check=self._check)
        elif isinstance(step, Linger):
            self._wait(step.seconds)

    def _replace(self, step: Replace) -> None:
        """Starts what is to come, gives it its traffic, and only then stops what is to go."""
        sizes = ((self._old, step.old), (self._new, step.new))
        for fleet, count in sizes:
            if count > fleet.size:
                fleet.scale(count, drain_seconds=self._drain_seconds)
        total = step.old + step.new
        self._route([Share(fleet, count / total) for fleet, count in sizes])
        for fleet, count in sizes:
            if count < fleet.size:
                fleet.scale(count, drain_seconds=self._drain_seconds)

    def _check(self) -> None:
        self._check_alarms(self._alarms)

    def _wait_in_time(self, seconds: float) -> None:
        self._wait(seconds)
        self._check_time()

    def _check_time(self) -> None:
        if self._deadline is not None and self._clock() > self._deadline:
            raise RolledBack(
                f"The deployment exceeded MaximumExecutionTimeoutInSeconds ({self._timeout:g}). Rolled back."
            )

    @contextmanager
    def _in_time(self, starting: Fleet) -> Iterator[None]:
        """Gives up instances that are still starting when the time is over."""
        if self._deadline is None:
            yield
            return
        remaining, over = max(0.0, self._deadline - self._clock()), threading.Event()

        def give_up() -> None:
            pause = remaining
            while not over.wait(pause):
                starting.abandon_starting()
                pause = _ABANDON_AGAIN_SECONDS  # for what begins to start only after the time is over

        threading.Thread(target=give_up, name="deployment-limit", daemon=True).start()
        try:
            yield
        except FleetUnhealthy:
            self._check_time()
            raise
        finally:
            over.set()
        self._check_time()
