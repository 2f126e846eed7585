"""The loop that scales: evaluates every policy's alarms, runs scheduled actions, and sets capacities."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from localcloud.autoscaling import activities, policies, schedules
from localcloud.autoscaling.alarms import Alarm, Datapoints, breach, is_covered
from localcloud.autoscaling.capacity import Last, Wish, choose, may_scale_in, outwards, step, track
from localcloud.autoscaling.service import ACTION, ACTIVITY, POLICY, TARGET, Document, key, matches
from localcloud.autoscaling.variants import Variant
from localcloud.sagemaker.errors import ValidationException
from localcloud.sagemaker.store import NotFound, Store

log = logging.getLogger(__name__)

_INTERVAL_SECONDS = 2.0
_CLOSE_SECONDS = 2.0
_HOUR = 3600


class Capacities(Protocol):
    """See ``variants.VariantCapacity``."""

    def find(self, resource_id: str) -> Variant | None: ...

    def set(self, resource_id: str, capacity: int) -> None: ...


class Metrics(Protocol):
    """See ``metrics.CloudWatch``."""

    def with_action(self, action_arn: str) -> Iterable[Alarm]: ...

    def datapoints(self, alarm: Alarm, now: float) -> Datapoints: ...


class Scaler:
    """``tick`` does everything once; ``start`` calls it again and again on a thread. ``now`` gives epoch seconds."""

    def __init__(
        self, store: Store, variants: Capacities, metrics: Metrics, *, now: Callable[[], float] = time.time
    ) -> None:
        self._store, self._variants, self._metrics, self._now = store, variants, metrics, now
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="autoscaling", daemon=True)
        self._forgot = 0.0

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """A tick that waits for a service which has ended already is not waited for."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join(_CLOSE_SECONDS)

    def _run(self) -> None:
        while not self._closing.wait(_INTERVAL_SECONDS):
            self.tick()

    def tick(self) -> None:
        """One pass over all targets; what fails for one of them is logged and tried again at the next pass."""
        for target in list(self._store.list(TARGET)):
            if self._closing.is_set():
                return
            try:
                self._attend(target)
            except (ClientError, BotoCoreError, NotFound, ValidationException) as error:
                log.warning("scaling %s: %s", target["ResourceId"], error)
            except Exception:
                log.exception("scaling %s", target["ResourceId"])
        if self._now() >= self._forgot + _HOUR:
            self._forgot = self._now()
            activities.forget_old(self._store, self._forgot)

    def _attend(self, target: Document) -> None:
        variant = self._variants.find(target["ResourceId"])
        if variant is None:
            return  # the endpoint was deleted: the target waits for another one of its name, as on AWS
        self._finish(target, variant)
        if not variant.settled:
            return
        target, ran = self._run_scheduled(target)
        if ran:
            self._scale_within(target, variant, ran)
        else:
            self._scale_by_policies(target, variant)

    def _finish(self, target: Document, variant: Variant) -> None:
        """Close the activity under way, once the endpoint has settled."""
        open_activity = target.get("_Activity")
        if open_activity is None or not variant.settled:
            return
        capacity = self._store.get(ACTIVITY, open_activity)["_Capacity"]
        if variant.count == capacity:
            status, message = "Successful", f"Successfully set desired instance count to {capacity}. "
            message += "Change successfully fulfilled by sagemaker."
        else:
            status, message = "Unfulfilled", f"Failed to set desired instance count to {capacity}: sagemaker runs "
            message += f"{variant.count} instances."
        activities.end(self._store, open_activity, status=status, message=message, now=self._now())
        self._store.update(TARGET, key(target), lambda stored: stored.pop("_Activity", None))

    def _run_scheduled(self, target: Document) -> tuple[Document, str | None]:
        """The target with the bounds that due actions set, and why they are others now."""
        ran, now = None, self._now()
        for action in [found for found in self._store.list(ACTION) if matches(found, target)]:
            due = action.get("_NextRun")
            if due is None or due > now:
                continue
            following = schedules.next_run(action, after=now)
            name = action["ScheduledActionName"]
            self._store.update(ACTION, key(action, name), lambda stored, run=following: stored.update(_NextRun=run))
            if target["SuspendedState"]["ScheduledScalingSuspended"]:
                continue
            target = self._store.update(TARGET, key(target), lambda stored, given=action: _bound(stored, given))
            bounds = ", ".join(f"{bound} to {value}" for bound, value in action["ScalableTargetAction"].items())
            ran = f"scheduled action name {name} was triggered and set {bounds}"
        return target, ran

    def _scale_within(self, target: Document, variant: Variant, cause: str) -> None:
        capacity = _within(target, variant.desired)
        if capacity != variant.desired:
            self._scale(target, variant, capacity, cause)

    def _scale_by_policies(self, target: Document, variant: Variant) -> None:
        owned = [policy for policy in self._store.list(POLICY) if matches(policy, target)]
        wish = choose(variant.desired, [wish for policy in owned for wish in self._wishes(policy, target, variant)])
        if wish is None or wish.capacity == variant.desired:
            return
        side = "DynamicScalingOutSuspended" if wish.capacity > variant.desired else "DynamicScalingInSuspended"
        if target["SuspendedState"][side]:
            return
        cause = f"monitor alarm {wish.alarm_name} in state ALARM triggered policy {wish.policy_name}"
        self._scale(target, variant, wish.capacity, cause)

    def _wishes(self, policy: Document, target: Document, variant: Variant) -> Iterator[Wish | None]:
        if policy["PolicyType"] == "StepScaling":
            yield from self._step_wishes(policy, target, variant)
            return
        configuration = policy["TargetTrackingScalingPolicyConfiguration"]
        wanted = None
        for alarm in policies.alarm_definitions(policy):
            value = breach(alarm, self._metrics.datapoints(alarm, self._now()), self._now())
            if value is not None:
                wanted = self._tracked(configuration, target, variant, value, policy["PolicyName"], alarm)
                break
        if wanted is not None or not configuration.get("DisableScaleIn"):
            yield wanted

    def _tracked(
        self, configuration: Document, target: Document, variant: Variant, value: float, policy_name: str, alarm: Alarm
    ) -> Wish | None:
        last, now, aim = _last(target), self._now(), configuration["TargetValue"]
        if alarm["ComparisonOperator"] == "GreaterThanThreshold":
            cooldown = configuration.get("ScaleOutCooldown", policies.DEFAULT_COOLDOWN_SECONDS)
            base = outwards(variant.desired, last, cooldown, now)
            wanted = max(variant.desired, track(base, value, aim))
        elif may_scale_in(last, configuration.get("ScaleInCooldown", policies.DEFAULT_COOLDOWN_SECONDS), now):
            wanted = min(variant.desired, track(variant.desired, value, aim))
        else:
            return None
        return Wish(capacity=_within(target, wanted), policy_name=policy_name, alarm_name=alarm["AlarmName"])

    def _step_wishes(self, policy: Document, target: Document, variant: Variant) -> Iterator[Wish]:
        configuration = policy["StepScalingPolicyConfiguration"]
        cooldown = configuration.get("Cooldown", policies.DEFAULT_COOLDOWN_SECONDS)
        last, now = _last(target), self._now()
        for alarm in self._metrics.with_action(policy["PolicyARN"]):
            value = breach(alarm, self._metrics.datapoints(alarm, now), now) if is_covered(alarm) else None
            if value is None:
                continue
            over = value - alarm["Threshold"]
            wanted = step(variant.desired, over, configuration)
            if wanted > variant.desired:
                base = outwards(variant.desired, last, cooldown, now)
                wanted = max(variant.desired, step(base, over, configuration))
            elif not may_scale_in(last, cooldown, now):
                continue
            yield Wish(
                capacity=_within(target, wanted), policy_name=policy["PolicyName"], alarm_name=alarm["AlarmName"]
            )

    def _scale(self, target: Document, variant: Variant, capacity: int, cause: str) -> None:
        now = self._now()
        activity = activities.begin(self._store, target, capacity=capacity, cause=cause, now=now)
        try:
            self._variants.set(target["ResourceId"], capacity)
        except Exception as error:
            message = f"Failed to set desired instance count to {capacity}: {error}"
            activities.end(self._store, activity["ActivityId"], status="Failed", message=message, now=now)
            raise
        last: dict[str, Any] = {"at": now, "before": variant.desired, "after": capacity}
        self._store.update(
            TARGET, key(target), lambda stored: stored.update(_Activity=activity["ActivityId"], _Last=last)
        )


def _last(target: Document) -> Last | None:
    return Last(**target["_Last"]) if "_Last" in target else None


def _within(target: Document, capacity: int) -> int:
    return max(target["MinCapacity"], min(target["MaxCapacity"], capacity))


def _bound(target: Document, action: Document) -> None:
    """A bound that is set moves the other one out of its way."""
    given = action["ScalableTargetAction"]
    minimum = given.get("MinCapacity", target["MinCapacity"])
    maximum = given.get("MaxCapacity", target["MaxCapacity"])
    if "MaxCapacity" in given:
        minimum = min(minimum, maximum)
    target |= {"MinCapacity": minimum, "MaxCapacity": max(minimum, maximum)}
