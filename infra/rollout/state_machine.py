"""State machine "rollout": takes the steps that `plan_rollout` planned, one after the other, or goes back.

`docs/contract.md` has the table of its states. A rollout that goes wrong ends in this order: the endpoint goes back to
its previous config, what this run created and nothing serves is deleted, the model package is rejected, people are
told.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from infra.rollout import latency_limit, scaling
from infra.rollout.going_back import going_back_states
from infra.rollout.wait import MOVING, PATIENT, STARTED, pause, wait_states
from infra.rollout.watch import watch_states
from infra.states import (
    SAGEMAKER_RETRY,
    State,
    catch_all,
    choice,
    finding,
    ignore_all,
    integration,
    invoke,
    report_failure,
    task,
)

_ROLLED_OUT = "$check.reason & ($plan.latency.note != null ? '; ' & $plan.latency.note : '')"
SERVES_SINCE = "slipway:serves-since"
"""Tag of an endpoint config, which `plan_rollout` reads: the moment, ISO 8601, at which its rollout was through."""
BUSY = "$contains($failure.cause, 'in-progress')"
"""What SageMaker says of an endpoint that is changing just now: autoscaling, for one, may change it at any moment."""
BUSY_RETRY: State = {"ErrorEquals": ["EndpointBusy"], "IntervalSeconds": 15, "MaxAttempts": 120, "BackoffRate": 1}
"""Another rollout is under way: half an hour for it to end."""


@dataclass(frozen=True, kw_only=True)
class RolloutStates:
    """What the definition refers to."""

    partition: str
    workload: str
    plan_function_arn: str
    check_function_arn: str
    compare_function_arn: str
    retire_function_arn: str
    alerts_topic_arn: str

    def definition(self) -> dict[str, Any]:
        return {
            "Comment": f"Rolls approved models of {self.workload} out",
            "QueryLanguage": "JSONata",
            "StartAt": "Plan",
            "States": {
                **self._before(),
                **self._step(),
                **self._after(),
                **going_back_states(self.partition),
                **report_failure(
                    partition=self.partition,
                    topic_arn=self.alerts_topic_arn,
                    subject=f"Slipway: rollout of {self.workload} failed",
                ),
            },
        }

    def _before(self) -> dict[str, State]:
        """What to do, and the model; no traffic moves."""
        return {
            "Plan": self._plan(),
            "Superseded?": choice([("$plan.superseded != null", "Superseded")], default="Quiet?"),
            "Superseded": {"Type": "Succeed", "Output": _output("superseded", "$plan.superseded")},
            **watch_states(partition=self.partition, compare_function_arn=self.compare_function_arn),
            **latency_limit.set_states(self.partition, then="NewModel?"),
            "NewModel?": choice([("$plan.model != null", "CreateModel")], default="NextStep?"),
            "CreateModel": self._call("CreateModel", "plan.model", then="NextStep?"),
        }

    def _step(self) -> dict[str, State]:
        """One step of the plan after the other, until none is left."""
        return {
            "NextStep?": choice([("$taken < $count($plan.steps)", "TakeStep")], default="Mark?"),
            "TakeStep": {
                "Type": "Pass",
                "Assign": {
                    "step": "{% $plan.steps[$taken] %}",
                    "since": "{% $states.context.State.EnteredTime %}",
                    "watched": 0,
                    **STARTED,
                    **scaling.STARTED,
                },
                "Next": "NewConfig?",
            },
            "NewConfig?": choice([("$step.endpoint_config != null", "CreateEndpointConfig")], default="Release?"),
            "CreateEndpointConfig": self._call(
                "CreateEndpointConfig",
                "step.endpoint_config",
                then="Release?",
                Assign={"config_arn": "{% $states.result.EndpointConfigArn %}"},
            ),
            **scaling.release_states(self.partition, requests="$step.release", then="Action?"),
            **self._change(),
            "Check": self._check(),
            "Serving?": choice([("$check.serving", "Scale?")], default="NotServing"),
            **scaling.scale_states(self.partition, requests="$step.scale", then="Watch?"),
            "StepTaken": {"Type": "Pass", "Assign": {"taken": "{% $taken + 1 %}"}, "Next": "NextStep?"},
        }

    def _change(self) -> dict[str, State]:
        """The step's change of the endpoint, until SageMaker is through with it."""
        return {
            "Action?": choice(
                [("$step.action = 'create'", "CreateEndpoint"), ("$step.action = 'weights'", "UpdateWeights")],
                default="UpdateEndpoint",
            ),
            "CreateEndpoint": self._deploy("CreateEndpoint", on_failure="FindServing"),
            "UpdateEndpoint": self._deploy("UpdateEndpoint", on_failure="Busy?"),
            "UpdateWeights": self._update_weights(),
            "Busy?": choice([(f"{BUSY} and {PATIENT}", "Pause")], default="FindServing"),
            "Pause": pause("Action?"),
            **wait_states(
                self.partition,
                name="",
                settled=[(MOVING, "TookTooLong"), ("$endpoint.status = 'InService'", "Check")],
                otherwise="EndpointFailed",
                catch=catch_all("Describe", "FindServing"),
            ),
        }

    def _after(self) -> dict[str, State]:
        """The end of a rollout that went well, and what a step may be found to have done wrong."""
        return {
            "Mark?": choice([("$config_arn != ''", "Mark")], default="Lift?"),
            "Mark": self._mark(),
            **latency_limit.lift_states(self.partition, then="Retire"),
            "Retire": self._retire(),
            "RolledOut": {"Type": "Succeed", "Output": _output("rolled_out", _ROLLED_OUT)},
            "TookTooLong": finding(
                "Wait", "EndpointTookTooLong", "'the endpoint is still ' & $endpoint.status", "FindServing"
            ),
            "EndpointFailed": finding(
                "Wait", "EndpointFailed", "$endpoint.status & ': ' & $endpoint.reason", "FindServing"
            ),
            "NotServing": finding("Check", "NotServing", "$check.reason", "FindServing"),
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
            Assign={
                "plan": "{% $states.result.Payload %}",
                "taken": 0,
                "going_back": "no",
                "limited": "{% false %}",
                "config_arn": "{% '' %}",
                **STARTED,
                "step": "{% {'retreat': null, 'config': ''} %}",
                "check": "{% {'reason': ''} %}",
            },
            Next="Superseded?",
        )

    def _call(self, name: str, request: str, *, then: str, on_failure: str = "FindServing", **rest: Any) -> State:
        """By the SDK integration, which passes every member on: the optimized one knows a list of them ("The field ...
        is not supported by Step Functions"), in which guardrails, data capture and shadow variants need not be.
        """
        action = name[0].lower() + name[1:]
        return task(
            resource=integration(self.partition, f"aws-sdk:sagemaker:{action}"),
            arguments=f"{{% ${request} %}}",
            timeout=120,
            retry=[SAGEMAKER_RETRY],
            catch=catch_all(name, on_failure),
            Next=then,
            **rest,
        )

    def _deploy(self, name: str, *, on_failure: str) -> State:
        return self._call(name, "step.request", then="Wait", on_failure=on_failure, Assign=STARTED)

    def _update_weights(self) -> State:
        return task(
            resource=integration(self.partition, "aws-sdk:sagemaker:updateEndpointWeightsAndCapacities"),
            arguments="{% $step.request %}",
            timeout=120,
            retry=[SAGEMAKER_RETRY],
            catch=catch_all("UpdateWeights", "Busy?"),
            Assign=STARTED,
            Next="Wait",
        )

    def _check(self) -> State:
        return invoke(
            partition=self.partition,
            function_arn=self.check_function_arn,
            payload={
                "workload": "{% $plan.workload %}",
                "model_version": "{% $plan.model_version %}",
                "step": "{% $step %}",
            },
            timeout=120,
            retry=[],
            catch=catch_all("Check", "FindServing"),
            Assign={"check": "{% $states.result.Payload %}"},
            Next="Serving?",
        )

    def _mark(self) -> State:
        """Since when the config has all traffic: what the variant measured earlier was the model's before. Without the
        mark the next rollout takes the config's age for it.
        """
        tag = f"{{'Key': '{SERVES_SINCE}', 'Value': $states.context.State.EnteredTime}}"
        return task(
            resource=integration(self.partition, "aws-sdk:sagemaker:addTags"),
            arguments={"ResourceArn": "{% $config_arn %}", "Tags": f"{{% [{tag}] %}}"},
            timeout=60,
            retry=[SAGEMAKER_RETRY],
            catch=ignore_all("Lift?"),
            Next="Lift?",
        )

    def _retire(self) -> State:
        """Old models that stay cost nothing: a rollout does not fail because they could not be deleted."""
        return invoke(
            partition=self.partition,
            function_arn=self.retire_function_arn,
            payload={
                "workload": "{% $plan.workload %}",
                "previous_endpoint_config_name": "{% $plan.previous_endpoint_config_name %}",
                "versions_kept": "{% $plan.versions_kept %}",
            },
            timeout=120,
            retry=[],
            catch=ignore_all("RolledOut"),
            Next="RolledOut",
        )


def _output(outcome: str, reason: str) -> dict[str, str]:
    return {
        "outcome": outcome,
        "reason": f"{{% {reason} %}}",
        "endpoint": "{% $plan.endpoint_name %}",
        "endpoint_config": "{% $step.config %}",
        "model_version": "{% $plan.model_version %}",
    }
