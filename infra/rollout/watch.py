"""The states that watch a rollout: alarms before it begins and while a step bakes, and the new variant beside the old.

SageMaker watches the alarms itself while its own guardrails move traffic; this is for what the machine does.
"""

from __future__ import annotations

from infra.states import CLOUDWATCH_RETRY, State, catch_all, choice, finding, integration, invoke, task

TICK_SECONDS = 30
LOOKS = 800
"""How often alarms are looked at in one rollout, at most: each look is 13 events of the execution's history, which Step
Functions ends at 25,000 with the execution (Step Functions guide, "Service quotas")."""
_TICK = f"$max([{TICK_SECONDS}, $ceil($sum($plan.steps.watch_seconds) / {LOOKS})])"
_RINGING = "$count($alarms.states[$ = 'ALARM']) > 0"


def watch_states(*, partition: str, compare_function_arn: str) -> dict[str, State]:
    """`Quiet?` (before the first step) leads on to `Limit?`; `Watch?` (after a step) to `StepTaken`."""
    return {
        "Quiet?": choice([("$count($plan.alarms) > 0", "LookBefore")], default="Limit?"),
        "LookBefore": _look(partition, "LookBefore", catch="ReportFailure", then="RingingBefore?"),
        "RingingBefore?": choice([(_RINGING, "AlarmBefore")], default="Limit?"),
        "AlarmBefore": finding(
            "LookBefore",
            "AlarmIsOn",
            "'nothing was changed: alarm ' & $alarms.names & ' is on. `slipway rollback` goes back in spite of it'",
            "ReportFailure",
        ),
        "Watch?": choice([("$watched < $step.watch_seconds", "Bake")], default="Compare?"),
        "Bake": {
            "Type": "Wait",
            "Seconds": f"{{% $min([{_TICK}, $step.watch_seconds - $watched]) %}}",
            "Assign": {"watched": f"{{% $watched + {_TICK} %}}"},
            "Next": "Alarms?",
        },
        "Alarms?": choice([("$count($plan.alarms) > 0", "Look")], default="Watch?"),
        "Look": _look(partition, "Look", catch="FindServing", then="Ringing?"),
        "Ringing?": choice([(_RINGING, "AlarmWent")], default="Watch?"),
        "AlarmWent": finding(
            "Look", "AlarmWentOff", "$step.name & ': alarm ' & $alarms.names & ' is on'", "FindServing"
        ),
        "Compare?": choice([("$step.compare != null", "Compare")], default="StepTaken"),
        "Compare": invoke(
            partition=partition,
            function_arn=compare_function_arn,
            payload={
                "endpoint_name": "{% $plan.endpoint_name %}",
                "since": "{% $since %}",
                "compare": "{% $step.compare %}",
            },
            timeout=60,
            retry=[],
            catch=catch_all("Compare", "FindServing"),
            Assign={"comparison": "{% $states.result.Payload %}"},
            Next="Worse?",
        ),
        "Worse?": choice([("$comparison.worse", "Worse")], default="StepTaken"),
        "Worse": finding("Compare", "WorseThanBefore", "$step.name & ': ' & $comparison.reason", "FindServing"),
    }


def _look(partition: str, name: str, *, catch: str, then: str) -> State:
    """Sets `alarms`: their states, and the names of those that are on."""
    alarms = "$states.result.MetricAlarms"
    return task(
        resource=integration(partition, "aws-sdk:cloudwatch:describeAlarms"),
        arguments={"AlarmNames": "{% $plan.alarms %}"},
        timeout=60,
        retry=[CLOUDWATCH_RETRY],
        catch=catch_all(name, catch),
        Assign={
            "alarms": {
                "states": f"{{% [{alarms}.StateValue] %}}",
                "names": f"{{% $join([{alarms}[StateValue = 'ALARM'].AlarmName], ', ') %}}",
            }
        },
        Next=then,
    )
