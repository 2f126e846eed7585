"""Where a drill plays: the workload's endpoint, looked at all the time, and a client's traffic."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from cli import status
from cli.drills.timeline import Timeline
from cli.drills.traffic import Traffic
from cli.embedded import EmbeddedCloud
from cli.errors import CliError
from cli.target import Target

LOOK_SECONDS = 0.3
QUIET_LIMIT_SECONDS = 180.0


@dataclass
class Stage:
    """What a drill is given."""

    target: Target
    embedded: EmbeddedCloud
    descriptor: Mapping[str, Any]
    timeline: Timeline
    traffic: Traffic
    console: Any
    _over: threading.Event = field(default_factory=threading.Event)

    def version(self) -> str | None:
        """The model version with the most traffic, of the config that the endpoint has."""
        variants = self._endpoint()["variants"]
        return max(variants, key=lambda item: item["weight"] or 0)["model_version"] if variants else None

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Note every change of the endpoint and of its alarms for as long as the block runs."""
        self._endpoint(), self._ringing()  # clients are made here, in one thread
        with ThreadPoolExecutor(1, thread_name_prefix="drill-watch") as pool:
            watching = pool.submit(self._watch)
            try:
                yield
            finally:
                self._over.set()
        watching.result()

    def await_quiet(self) -> None:
        """Until no alarm of the rollout is on: the drill before this one may have left one. Raises CliError."""
        deadline = self.timeline.now() + QUIET_LIMIT_SECONDS
        while ringing := self._ringing():
            if self.timeline.now() > deadline:
                raise CliError(f"Alarm {', '.join(sorted(ringing))} has been on for {QUIET_LIMIT_SECONDS:.0f} s.")
            self._over.wait(LOOK_SECONDS)

    def _watch(self) -> None:
        before, rang = self._shown(), self._ringing()
        while not self._over.wait(LOOK_SECONDS):
            now, rings = self._shown(), self._ringing()
            for alarm in sorted(rings - rang):
                self.timeline.add(f"detected: alarm {alarm} is on")
            for alarm in sorted(rang - rings):
                self.timeline.add(f"alarm {alarm} is off")
            if now != before:
                self.timeline.add(f"endpoint {now}")
            before, rang = now, rings

    def _endpoint(self) -> dict[str, Any]:
        found = status.endpoint(self.target, self.descriptor["endpoint_name"])
        if found is None:
            raise CliError(f"{self.descriptor['name']} has no endpoint.", hint="Train a model first: slipway train")
        return found

    def _shown(self) -> str:
        found = self._endpoint()
        shares = ", ".join(
            f"{item['name']} version {item['model_version']} weight {item['weight']:g}" for item in found["variants"]
        )
        return f"{found['status']}: {shares}"

    def _ringing(self) -> set[str]:
        names = self.descriptor["rollout"]["alarms"]
        found = self.target.client("cloudwatch").describe_alarms(AlarmNames=names)["MetricAlarms"] if names else []
        return {alarm["AlarmName"] for alarm in found if alarm["StateValue"] == "ALARM"}
