"""What must fail does: with the cause told, and with the model that served before still serving."""

from __future__ import annotations

import gzip
import json
import shutil
from contextlib import contextmanager

import pytest


@pytest.fixture(scope="module")
def serving(slipway, numbers):
    """A version of nearest_mean that serves; every failing run must leave it serving."""
    return slipway.json("train", "nearest_mean", "--data", str(numbers), "--json")["model_version"]


def _fails(slipway, *arguments: str) -> str:
    result = slipway.run("train", *arguments, ok=False)
    assert result.returncode == 1, result.stdout + result.stderr
    assert "/cli/" not in result.stderr, "the command line's own traceback"
    return result.stdout + result.stderr


def _serves(slipway, version: str) -> None:
    answer = slipway.predict("nearest_mean", {"instances": [9]})
    assert (answer.status, answer.body["predictions"], answer.body["model_version"]) == (200, ["high"], version)


def test_a_script_that_raises_gives_its_exception_as_the_failure_reason(slipway, serving, numbers, tmp_path):
    shutil.copytree(numbers, tmp_path, dirs_exist_ok=True)
    (tmp_path / "train.csv").write_text("1,low\nten,high\n")
    told = _fails(slipway, "nearest_mean", "--data", str(tmp_path))
    assert "ValueError: train.csv line 2: 'ten' is not a number" in told
    job = slipway.client("sagemaker").list_training_jobs(SortBy="CreationTime", SortOrder="Descending")[
        "TrainingJobSummaries"
    ][0]
    described = slipway.client("sagemaker").describe_training_job(TrainingJobName=job["TrainingJobName"])
    assert described["TrainingJobStatus"] == "Failed"
    assert "ValueError: train.csv line 2: 'ten' is not a number" in described["FailureReason"]
    _serves(slipway, serving)


def test_a_corrupt_file_is_named_before_the_upload_and_before_the_training(slipway, digits, tmp_path):
    first = slipway.json("train", "mnist_lightning", "--data", str(digits), "--json")
    shutil.copytree(digits, tmp_path, dirs_exist_ok=True)
    name = "train-images-idx3-ubyte.gz"
    content = gzip.decompress((digits / name).read_bytes())
    (tmp_path / name).write_bytes(gzip.compress(content[: len(content) // 2]))
    for uploaded in ([], ["--no-check"]):
        told = _fails(slipway, "mnist_lightning", "--data", str(tmp_path), *uploaded)
        assert f"train/{name}: holds" in told
        assert ("Nothing was uploaded." in told) is not bool(uploaded)
        assert ("failed in step Refused: BadData" in told) is bool(uploaded)
    blank = {"instances": [[[0] * 28] * 28]}
    assert slipway.predict("mnist_lightning", blank).body["model_version"] == first["model_version"]


def test_a_model_that_misses_the_gate_is_rejected_and_does_not_serve(slipway, serving, numbers):
    assert "accuracy" in _fails(slipway, "nearest_mean", "--data", str(numbers), "--set", "shift=500")
    _serves(slipway, serving)


def test_a_bad_hyperparameter_is_refused_before_anything_is_uploaded(slipway, serving):
    before = slipway.executions("nearest_mean")
    told = _fails(slipway, "nearest_mean", "--set", "shift=5000")
    assert "shift" in told
    assert "5000" in told
    assert len(slipway.executions("nearest_mean")) == len(before)


@contextmanager
def _without(slipway, role_arn: str, action: str):
    """Take the statements that allow `action` out of a role's policies, and put them back."""
    iam = slipway.client("iam")
    role = role_arn.rsplit("/", 1)[-1]
    documents = {
        name: iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        for name in iam.list_role_policies(RoleName=role)["PolicyNames"]
    }
    removed = 0
    for name, document in documents.items():
        kept = [statement for statement in document["Statement"] if action not in _actions(statement)]
        removed += len(document["Statement"]) - len(kept)
        if kept:
            changed = json.dumps({**document, "Statement": kept})
            iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=changed)
        else:
            iam.delete_role_policy(RoleName=role, PolicyName=name)
    assert removed, f"no statement of {role} allows {action}"
    try:
        yield
    finally:
        for name, document in documents.items():
            iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(document))


def _actions(statement: dict) -> list[str]:
    actions = statement["Action"]
    return [actions] if isinstance(actions, str) else actions


def _role_of_machine(slipway, machine_arn: str) -> str:
    return slipway.client("stepfunctions").describe_state_machine(stateMachineArn=machine_arn)["roleArn"]


def _role_of_function(slipway, function: str) -> str:
    return slipway.client("lambda").get_function_configuration(FunctionName=function)["Role"]


CASES = {
    "training role: read the data": (lambda s, d: d["training"]["role_arn"], "s3:GetObject"),
    "training role: write the model": (lambda s, d: d["training"]["role_arn"], "s3:PutObject"),
    "train machine: create the job": (
        lambda s, d: _role_of_machine(s, d["train_state_machine_arn"]), "sagemaker:CreateTrainingJob"),
    "train machine: pass the role": (
        lambda s, d: _role_of_machine(s, d["train_state_machine_arn"]), "iam:PassRole"),
    "train machine: register": (
        lambda s, d: _role_of_machine(s, d["train_state_machine_arn"]), "sagemaker:CreateModelPackage"),
    "evaluation role: read the model": (lambda s, d: d["evaluation"]["role_arn"], "s3:GetObject"),
    "plan function: read the registry": (
        lambda s, d: _role_of_function(s, "slipway-dev-nearest-mean-plan-training"), "sagemaker:ListModelPackages"),
    "rollout machine: update the endpoint": (
        lambda s, d: _role_of_machine(s, d["rollout_state_machine_arn"]), "sagemaker:UpdateEndpoint"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_role_that_lacks_one_permission_fails_the_run_and_the_action_is_named(slipway, serving, numbers, case):
    find, action = CASES[case]
    role = find(slipway, slipway.descriptor("nearest_mean"))
    with _without(slipway, role, action):
        told = _fails(slipway, "nearest_mean", "--data", str(numbers))
    assert "AccessDenied" in told
    assert action in told
    _serves(slipway, serving)


def test_with_all_permissions_back_the_next_run_serves(slipway, serving, numbers):
    version = slipway.json("train", "nearest_mean", "--data", str(numbers), "--json")["model_version"]
    _serves(slipway, version)
