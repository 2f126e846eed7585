"""State machine "rollout": from an approved model package to an endpoint that serves it, or back to what served before.

`docs/contract.md` has the table of its states. A rollout that goes wrong ends in this order: the endpoint goes back to
its previous config where the new one answers wrongly, what this run created and nothing serves is deleted, people are
told.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from infra.rollout.clean_up import clean_up_states
from infra.states import (
    SAGEMAKER_RETRY,
    State,
    catch_all,
    finding,
    ignore_all,
    integration,
    invoke,
    report_failure,
    task,
)

WAIT_LIMIT_SECONDS = 3600
LONGEST_PAUSE_SECONDS = 30
BUSY_RETRY: State = {"ErrorEquals": ["EndpointBusy"], "IntervalSeconds": 15, "MaxAttempts": 120, "BackoffRate": 1}
"""Another rollout is under way: half an hour for it to end."""


@dataclass(frozen=True, kw_only=True)
class RolloutStates:
    """What the definition refers to."""

    partition: str
    workload: str
    plan_function_arn: str
    check_function_arn: str
    alerts_topic_arn: str

    def definition(self) -> dict[str, Any]:
        return {
            "Comment": f"Rolls approved models of {self.workload} out",
            "QueryLanguage": "JSONata",
            "StartAt": "Plan",
            "States": {
                "Plan": self._plan(),
                "CreateModel": self._call("CreateModel", "model", then="CreateEndpointConfig"),
                "CreateEndpointConfig": self._call("CreateEndpointConfig", "endpoint_config", then="Exists?"),
                "Exists?": _choice([("$plan.exists", "UpdateEndpoint")], default="CreateEndpoint"),
                "CreateEndpoint": self._deploy("CreateEndpoint"),
                "UpdateEndpoint": self._deploy("UpdateEndpoint"),
                "Wait": {"Type": "Wait", "Seconds": "{% $pause %}", "Next": "Describe"},
                "Describe": self._describe(),
                "Settled?": self._settled(),
                "Check": self._check(),
                "Serving?": _choice([("$check.serving", "RolledOut")], default="NotServing"),
                "RolledOut": {"Type": "Succeed"},
                "TookTooLong": finding(
                    "Wait", "EndpointTookTooLong", "'the endpoint is still ' & $endpoint.status", "FindServing"
                ),
                "EndpointFailed": finding(
                    "Wait", "EndpointFailed", "$endpoint.status & ': ' & $endpoint.reason", "FindServing"
                ),
                "NotServing": finding("Check", "NotServing", "$check.reason", "Restorable?"),
                "Restorable?": _choice([(_NEW_CONFIG_SERVES_OVER_AN_OLD_ONE, "Restore")], default="FindServing"),
                "Restore": self._restore(),
                **clean_up_states(self.partition),
                **report_failure(
                    partition=self.partition,
                    topic_arn=self.alerts_topic_arn,
                    subject=f"Slipway: rollout of {self.workload} failed",
                ),
            },
        }

    def _plan(self) -> State:
        return invoke(
            partition=self.partition,
            function_arn=self.plan_function_arn,
            payload={
                "workload": self.workload,
                "event": "{% $states.input %}",
                "execution": "{% $states.context.Execution.Name %}",
            },
            timeout=60,
            retry=[BUSY_RETRY],
            catch=catch_all("Plan", "ReportFailure"),
            Assign={"plan": "{% $states.result.Payload %}"},
            Next="CreateModel",
        )

    def _call(self, name: str, request: str, *, then: str, **rest: Any) -> State:
        action = name[0].lower() + name[1:]
        return task(
            resource=integration(self.partition, f"sagemaker:{action}"),
            arguments=f"{{% $plan.{request} %}}",
            timeout=120,
            retry=[SAGEMAKER_RETRY],
            catch=catch_all(name, "FindServing"),
            Next=then,
            **rest,
        )

    def _deploy(self, name: str) -> State:
        return self._call(name, "endpoint", then="Wait", Assign={"pause": 1, "waited": 0, "restoring": False})

    def _describe(self) -> State:
        return task(
            resource=integration(self.partition, "aws-sdk:sagemaker:describeEndpoint"),
            arguments={"EndpointName": "{% $plan.endpoint.EndpointName %}"},
            timeout=60,
            retry=[SAGEMAKER_RETRY],
            catch=catch_all("Describe", "FindServing"),
            Assign={
                "endpoint": {
                    "status": "{% $states.result.EndpointStatus %}",
                    "config": "{% $states.result.EndpointConfigName %}",
                    "reason": "{% $exists($states.result.FailureReason) ? $states.result.FailureReason : '' %}",
                },
                "waited": "{% $waited + $pause %}",
                "pause": f"{{% $min([$pause * 2, {LONGEST_PAUSE_SECONDS}]) %}}",
            },
            Next="Settled?",
        )

    def _settled(self) -> State:
        moving = "$endpoint.status in ['Creating', 'Updating', 'SystemUpdating', 'RollingBack']"
        return _choice(
            [
                (f"{moving} and $waited < {WAIT_LIMIT_SECONDS}", "Wait"),
                ("$restoring", "FindServing"),
                (moving, "TookTooLong"),
                ("$endpoint.status = 'InService'", "Check"),
            ],
            default="EndpointFailed",
        )

    def _check(self) -> State:
        return invoke(
            partition=self.partition,
            function_arn=self.check_function_arn,
            payload="{% $plan %}",
            timeout=120,
            retry=[],
            catch=catch_all("Check", "Restorable?"),
            Assign={"check": "{% $states.result.Payload %}"},
            Output=_OUTPUT,
            Next="Serving?",
        )

    def _restore(self) -> State:
        return task(
            resource=integration(self.partition, "sagemaker:updateEndpoint"),
            arguments={
                "EndpointName": "{% $plan.endpoint.EndpointName %}",
                "EndpointConfigName": "{% $plan.previous_endpoint_config_name %}",
            },
            timeout=120,
            retry=[SAGEMAKER_RETRY],
            catch=ignore_all("FindServing"),
            Assign={"pause": 1, "waited": 0, "restoring": True},
            Next="Wait",
        )


_OUTPUT = {
    "outcome": "{% $states.result.Payload.serving ? 'rolled_out' : 'not_serving' %}",
    "endpoint": "{% $plan.endpoint.EndpointName %}",
    "endpoint_config": "{% $endpoint.config %}",
    "model_version": "{% $plan.model_version %}",
}
_NEW_CONFIG_SERVES_OVER_AN_OLD_ONE = (
    "$plan.exists and $endpoint.config = $plan.endpoint_config.EndpointConfigName"
    " and $plan.previous_endpoint_config_name != null"
)


def _choice(choices: list[tuple[str, str]], *, default: str) -> State:
    rules = [{"Condition": f"{{% {condition} %}}", "Next": target} for condition, target in choices]
    return {"Type": "Choice", "Choices": rules, "Default": default}
