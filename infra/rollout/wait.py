"""The states that wait for an endpoint that was told to change."""

from __future__ import annotations

from infra.states import SAGEMAKER_RETRY, State, choice, integration, task

WAIT_LIMIT_SECONDS = 14_400
"""The longest that one step may take: SageMaker's own steps and bakes (3600 s each) are part of it."""
LONGEST_PAUSE_SECONDS = 30
STARTED = {"pause": 1, "waited": 0}
"""Variables to set before `Wait`."""
_MOVING = "['Creating', 'Updating', 'SystemUpdating', 'RollingBack']"
MOVING = f"$endpoint.status in {_MOVING}"
SERVING_MOVES = f"$serving.status in {_MOVING}"
PATIENT = f"$waited < {WAIT_LIMIT_SECONDS}"
_LONGER = {"waited": "{% $waited + $pause %}", "pause": f"{{% $min([$pause * 2, {LONGEST_PAUSE_SECONDS}]) %}}"}


def pause(then: str) -> State:
    """A wait for somebody else's change of the endpoint, longer each time."""
    return {"Type": "Wait", "Seconds": "{% $pause %}", "Assign": _LONGER, "Next": then}


def wait_states(
    partition: str, *, name: str, settled: list[tuple[str, str]], otherwise: str, catch: list[State]
) -> dict[str, State]:
    """`Wait{name}`, `Describe{name}` (sets `endpoint`: status, config, reason) and `Settled{name}?`.

    Once the endpoint moves no more, or the limit is reached, the first condition of `settled` that is met decides where
    to go, else `otherwise`.
    """
    return {
        f"Wait{name}": {"Type": "Wait", "Seconds": "{% $pause %}", "Next": f"Describe{name}"},
        f"Describe{name}": task(
            resource=integration(partition, "aws-sdk:sagemaker:describeEndpoint"),
            arguments={"EndpointName": "{% $plan.endpoint_name %}"},
            timeout=60,
            retry=[SAGEMAKER_RETRY],
            catch=catch,
            Assign={
                "endpoint": {
                    "status": "{% $states.result.EndpointStatus %}",
                    "config": "{% $states.result.EndpointConfigName %}",
                    "reason": "{% $exists($states.result.FailureReason) ? $states.result.FailureReason : '' %}",
                },
                **_LONGER,
            },
            Next=f"Settled{name}?",
        ),
        f"Settled{name}?": choice([(f"{MOVING} and {PATIENT}", f"Wait{name}"), *settled], default=otherwise),
    }
