"""The states that take autoscaling off variants before an update, and put it on them afterwards.

`plan_rollout` gives the requests; every call can be made again, so that a rollout that begins anew does no harm.
"""

from __future__ import annotations

from collections.abc import Callable

from infra.states import State, catch_all, choice, integration, task

SCALING_RETRY: State = {
    "ErrorEquals": [
        "ApplicationAutoScaling.ConcurrentUpdateException",
        "ApplicationAutoScaling.InternalServiceException",
        "ApplicationAutoScaling.SdkClientException",
        "ApplicationAutoScaling.ApplicationAutoScalingException",
    ],
    "IntervalSeconds": 1,
    "MaxAttempts": 4,
    "BackoffRate": 2,
    "JitterStrategy": "FULL",
}
GONE = "ApplicationAutoScaling.ObjectNotFoundException"
STARTED = {"released": 0, "scaled": 0}
"""Variables to set before `Release?` and `Scale?`."""
_CALLS = {
    "target": ("RegisterTarget", "registerScalableTarget"),
    "policy": ("PutPolicy", "putScalingPolicy"),
    "schedule": ("PutSchedule", "putScheduledAction"),
}


def release_states(partition: str, *, requests: str, then: str) -> dict[str, State]:
    """`Release?`: deregisters every target of the expression `requests`, then `then`."""
    return _release_states(partition, requests=requests, name="", then=then, catch=catch_all("Release", "FindServing"))


def release_back_states(partition: str, *, requests: str, then: str) -> dict[str, State]:
    """`ReleaseBack?`: the same on the way back. What is not deregistered there is told by SageMaker's refusal."""
    return _release_states(partition, requests=requests, name="Back", then=then, catch=[])


def _release_states(partition: str, *, requests: str, name: str, then: str, catch: list[State]) -> dict[str, State]:
    state, loop = f"Release{name}", f"Release{name}?"
    counted = {"Assign": {"released": "{% $released + 1 %}"}, "Next": loop}
    ignored = [GONE] if catch else ["States.ALL"]
    deregister = task(
        resource=integration(partition, "aws-sdk:applicationautoscaling:deregisterScalableTarget"),
        arguments=f"{{% {requests}[$released] %}}",
        timeout=60,
        retry=[SCALING_RETRY],
        catch=[{"ErrorEquals": ignored, **counted}, *catch],
        **counted,
    )
    return {loop: choice([(f"$released < $count({requests})", state)], default=then), state: deregister}


def scale_states(partition: str, *, requests: str, then: str) -> dict[str, State]:
    """`Scale?`: makes every call of the expression `requests`, then `then`."""
    return _scale_states(
        partition, requests=requests, name="", then=then, catch=lambda state: catch_all(state, "FindServing")
    )


def scale_back_states(partition: str, *, requests: str, then: str) -> dict[str, State]:
    """`ScaleBack?`: the same on the way back, where the rollout's own failure is told, and this one with it."""

    def also(state: str) -> list[State]:
        told = {
            "step": "{% $failure.step %}",
            "error": "{% $failure.error %}",
            "cause": "{% $failure.cause & '; autoscaling was not put back: ' & $states.errorOutput.Cause %}",
        }
        assign = {"failure": told, "scaled": "{% $scaled + 1 %}"}
        return [{"ErrorEquals": ["States.ALL"], "Assign": assign, "Next": "ScaleBack?"}]

    return _scale_states(partition, requests=requests, name="Back", then=then, catch=also)


def _scale_states(
    partition: str, *, requests: str, name: str, then: str, catch: Callable[[str], list[State]]
) -> dict[str, State]:
    loop, following = f"Scale{name}?", f"{requests}[$scaled]"
    kinds = [(f"{following}.call = '{call}'", f"{state}{name}") for call, (state, _) in _CALLS.items()]
    states = {loop: choice([(f"$scaled >= $count({requests})", then), *kinds[:-1]], default=kinds[-1][1])}
    for state, action in _CALLS.values():
        states[f"{state}{name}"] = task(
            resource=integration(partition, f"aws-sdk:applicationautoscaling:{action}"),
            arguments=f"{{% {following}.request %}}",
            timeout=60,
            retry=[SCALING_RETRY],
            catch=catch(f"{state}{name}"),
            Assign={"scaled": "{% $scaled + 1 %}"},
            Next=loop,
        )
    return states
