"""The states that give the alarm on the new model's latency its threshold for one rollout, and take it away again."""

from __future__ import annotations

from infra.rollout.wait import SERVING_MOVES
from infra.states import CLOUDWATCH_RETRY, State, catch_all, choice, ignore_all, integration, task

_LIMITED = {"limited": "{% true %}"}


def set_states(partition: str, *, then: str) -> dict[str, State]:
    """`Limit?`: before anything is changed."""
    return {
        "Limit?": choice([("$plan.latency.set != null", "SetLimit")], default=then),
        "SetLimit": _put(
            partition,
            "$plan.latency.set",
            catch=[_lifted_later(catch) for catch in catch_all("SetLimit", "FindServing")],
            Assign=_LIMITED,
            Next=then,
        ),
    }


def lift_states(partition: str, *, then: str) -> dict[str, State]:
    """`Lift?`: what was rolled out is not undone for an alarm that stays strict; the next rollout sets it anew."""
    return _lift(partition, name="", then=then, condition="$limited")


def lift_back_states(partition: str, *, then: str) -> dict[str, State]:
    """`LiftBack?`: also after a failure, but not while an update goes on that the alarm still guards."""
    return _lift(partition, name="Back", then=then, condition=f"$limited and $not({SERVING_MOVES})")


def _lift(partition: str, *, name: str, then: str, condition: str) -> dict[str, State]:
    return {
        f"Lift{name}?": choice([(condition, f"LiftLimit{name}")], default=then),
        f"LiftLimit{name}": _put(partition, "$plan.latency.lift", catch=ignore_all(then), Next=then),
    }


def _lifted_later(catch: State) -> State:
    """A call whose answer was lost may have set it."""
    return {**catch, "Assign": {**catch["Assign"], **_LIMITED}}


def _put(partition: str, request: str, *, catch: list[State], **rest: object) -> State:
    return task(
        resource=integration(partition, "aws-sdk:cloudwatch:putMetricAlarm"),
        arguments=f"{{% {request} %}}",
        timeout=60,
        retry=[CLOUDWATCH_RETRY],
        catch=catch,
        **rest,
    )
