"""What the functions plan, given to a SageMaker that checks it; what SageMaker then says, given to the functions."""

import json
from pathlib import Path
from typing import Any

import boto3
import pytest
from check_rollout.handler import handler as check_rollout
from decide_gate.handler import handler as decide_gate
from describe_workloads.handler import handler as describe_workloads
from plan_rollout.handler import handler as plan_rollout
from plan_rollout.packages import PackageNotApproved
from plan_training.handler import handler as plan_training
from predict.directory import Directory
from predict.handler import handler as predict
from shared.storage import split_uri

EVENTS = Path(__file__).parents[2] / "events"


@pytest.fixture
def workload(stage: Any) -> dict[str, Any]:
    return stage.descriptor


def train_input(run: str) -> dict[str, Any]:
    return {**json.loads((EVENTS / "train_input.json").read_text()), "run": run}


def registered(run: str, context: Any) -> str:
    """Plans a run, evaluates it as 0.95, registers its model; the package's ARN."""
    planned = plan_training(train_input(run), context)
    bucket, key = split_uri(planned["evaluation_uri"])
    measured = {"challenger": {"metrics": {"accuracy": 0.95}}, "champion": None}
    boto3.client("s3").put_object(Bucket=bucket, Key=key, Body=json.dumps(measured).encode())
    bucket, key = split_uri(planned["model_uri"])
    boto3.client("s3").put_object(Bucket=bucket, Key=key, Body=b"model")
    decision = decide_gate({**train_input(run), "plan": planned}, context)
    assert decision["passed"]
    return str(boto3.client("sagemaker").create_model_package(**decision["model_package"])["ModelPackageArn"])


def approval_of(arn: str, workload: dict[str, Any]) -> dict[str, Any]:
    event = json.loads((EVENTS / "model_package_approved.json").read_text())
    event["detail"] |= {"ModelPackageArn": arn, "ModelPackageGroupName": workload["model_package_group"]}
    return {"workload": "digits", "event": event, "execution": "rollout-1"}


def test_the_model_that_one_run_registers_is_the_next_runs_champion(workload: Any, context: Any) -> None:
    assert plan_training(train_input("run-1"), context)["champion"] is None
    first = registered("run-1", context)
    planned = plan_training(train_input("run-2"), context)
    champion = planned["champion"]
    assert (champion["version"], champion["model_package_arn"]) == (1, first)
    assert (champion["serves"], champion["own"]) == (False, False)
    second = registered("run-2", context)
    assert plan_training(train_input("run-3"), context)["champion"]["model_package_arn"] == second


def test_a_run_that_is_planned_again_after_its_registration_knows_its_own_model(workload: Any, context: Any) -> None:
    arn = registered("run-1", context)
    champion = plan_training(train_input("run-1"), context)["champion"]
    assert (champion["model_package_arn"], champion["own"]) == (arn, True)


def test_a_champion_that_is_rejected_later_makes_way_for_the_one_before(workload: Any, context: Any) -> None:
    first, second = registered("run-1", context), registered("run-2", context)
    boto3.client("sagemaker").update_model_package(ModelPackageArn=second, ModelApprovalStatus="Rejected")
    assert plan_training(train_input("run-3"), context)["champion"]["model_package_arn"] == first


def test_a_run_that_registers_again_gets_the_version_it_has(workload: Any, context: Any) -> None:
    assert registered("run-1", context) == registered("run-1", context)


def test_a_package_that_is_not_approved_any_more_is_not_rolled_out(workload: Any, context: Any) -> None:
    arn = registered("run-1", context)
    boto3.client("sagemaker").update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Rejected")
    with pytest.raises(PackageNotApproved):
        plan_rollout(approval_of(arn, workload), context)


def test_before_the_first_endpoint_everything_says_so(
    workload: Any, context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned = plan_rollout(approval_of(registered("run-1", context), workload), context)
    assert (planned["exists"], planned["previous_endpoint_config_name"]) == (False, None)
    (step,) = planned["steps"]
    checked = check_rollout({**planned, "step": step}, context)
    assert checked == {"serving": False, "reason": f"endpoint {workload['endpoint_name']} does not exist"}
    shown = describe_workloads(json.loads((EVENTS / "api_describe_workload.json").read_text()), context)
    assert json.loads(shown["body"])["status"] == "NotDeployed"
    monkeypatch.setattr("predict.handler.DIRECTORY", Directory())
    answer = predict(json.loads((EVENTS / "api_predict.json").read_text()), context)
    assert answer["statusCode"] == 503
    assert json.loads(answer["body"])["error"]["code"] == "not_ready"
