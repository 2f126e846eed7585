"""What lambdas/README.md grants for the calls a function itself makes is enough, and each action of it is needed.

Not covered: the key of encrypted buckets and topics, logs, the event source's queue, and endpoints that serve.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from check_rollout.handler import handler as check_rollout
from compare_variants.handler import handler as compare_variants
from decide_gate.handler import handler as decide_gate
from describe_workloads.handler import handler as describe_workloads
from plan_rollout.handler import handler as plan_rollout
from plan_training.handler import handler as plan_training
from predict.directory import Directory
from predict.handler import handler as predict
from request_training.handler import handler as request_training
from request_training.lease import Lease
from retire_models.handler import handler as retire_models
from shared.clients import client
from shared.storage import split_uri

from tests.support.embedded_cloud import EmbeddedCloud, allow, policy, unique

EVENTS = Path(__file__).parents[2] / "events"
DATASET = "digits/20261112-080000-ab12"
PARAMETER = "arn:aws:ssm:*:*:parameter/slipway/dev/workloads"

ACTIONS = {
    "request_training": [
        "ssm:GetParameter",
        "s3:ListBucketVersions",
        "s3:GetObjectVersion",
        "dynamodb:GetItem",
        "dynamodb:UpdateItem",
        "states:StartExecution",
    ],
    "request_training, refusing": [
        "ssm:GetParameter",
        "s3:ListBucketVersions",
        "s3:GetObjectVersion",
        "sns:Publish",
        "dynamodb:GetItem",
        "dynamodb:UpdateItem",
    ],
    "request_training, waiting": [
        "ssm:GetParameter",
        "s3:ListBucketVersions",
        "s3:GetObjectVersion",
        "dynamodb:GetItem",
        "dynamodb:UpdateItem",
        "dynamodb:Query",
        "states:DescribeExecution",
        "sqs:SendMessage",
    ],
    "request_training, redriving": [
        "ssm:GetParameter",
        "dynamodb:GetItem",
        "dynamodb:UpdateItem",
        "states:DescribeExecution",
        "states:RedriveExecution",
    ],
    "plan_training": [
        "ssm:GetParameter",
        "sagemaker:ListModelPackages",
        "sagemaker:DescribeModelPackage",
        "sagemaker:DescribeEndpoint",
        "s3:ListBucket",
        "dynamodb:GetItem",
        "s3:ListBucketVersions",
    ],
    "decide_gate": ["ssm:GetParameter", "s3:GetObject", "s3:PutObject"],
    "plan_rollout": ["ssm:GetParameter", "sagemaker:DescribeModelPackage", "sagemaker:DescribeEndpoint"],
    "compare_variants": ["cloudwatch:GetMetricData"],
    "retire_models": [
        "ssm:GetParameter",
        "sagemaker:DescribeEndpoint",
        "sagemaker:ListEndpointConfigs",
        "sagemaker:DeleteEndpointConfig",
        "sagemaker:DescribeEndpointConfig",
        "sagemaker:ListModels",
        "sagemaker:DeleteModel",
    ],
    "check_rollout": ["ssm:GetParameter", "sagemaker:DescribeEndpoint"],
    "predict": ["ssm:GetParameter", "sagemaker:InvokeEndpoint"],
    "describe_workloads": ["ssm:GetParameter", "sagemaker:DescribeEndpoint"],
    "describe_workloads, all": ["ssm:GetParametersByPath", "sagemaker:DescribeEndpoint"],
}


def load(name: str) -> Any:
    return json.loads((EVENTS / f"{name}.json").read_text())


def resource(action: str, stage: Any) -> str | list[str]:
    """What lambdas/README.md lets a function do `action` on."""
    described = stage.descriptor

    def versions(kind: str) -> str:
        return f"arn:aws:sagemaker:*:*:{kind}/{described['job_prefix']}-v*"

    data, artifacts = (f"arn:aws:s3:::{described[part]['bucket']}" for part in ("data", "artifacts"))
    return {
        "ssm:GetParameter": f"{PARAMETER}/digits",
        "ssm:GetParametersByPath": PARAMETER,
        "s3:ListBucketVersions": data,
        "s3:GetObjectVersion": f"{data}/digits/*/request.json",
        "states:StartExecution": described["train_state_machine_arn"],
        **dict.fromkeys(
            ("states:DescribeExecution", "states:RedriveExecution"),
            f"arn:aws:states:*:*:execution:{described['job_prefix']}:*",
        ),
        **dict.fromkeys(
            ("dynamodb:GetItem", "dynamodb:Query", "dynamodb:UpdateItem"),
            f"arn:aws:dynamodb:*:*:table/{stage.table}",
        ),
        "sqs:SendMessage": f"arn:aws:sqs:*:*:{stage.queue_url.rsplit('/', 1)[-1]}",
        "sns:Publish": stage.alerts_topic_arn,
        "sagemaker:ListModelPackages": "*",
        "sagemaker:ListEndpointConfigs": "*",
        "sagemaker:ListModels": "*",
        "cloudwatch:GetMetricData": "*",
        "sagemaker:DescribeEndpointConfig": versions("endpoint-config"),
        "sagemaker:DeleteEndpointConfig": versions("endpoint-config"),
        "sagemaker:DeleteModel": versions("model"),
        "sagemaker:DescribeModelPackage": f"arn:aws:sagemaker:*:*:model-package/{described['model_package_group']}/*",
        "s3:GetObject": [f"{artifacts}/digits/evaluation/*", f"{artifacts}/digits/training/*"],
        "s3:ListBucket": artifacts,
        "s3:PutObject": f"{artifacts}/digits/verdicts/*",
        "sagemaker:DescribeEndpoint": f"arn:aws:sagemaker:*:*:endpoint/{described['endpoint_name']}",
        "sagemaker:InvokeEndpoint": f"arn:aws:sagemaker:*:*:endpoint/{described['endpoint_name']}",
    }[action]


class Cases:
    """Each function with an event that makes it do all it ever does (short of an endpoint that serves)."""

    def __init__(self, stage: Any, context: Any) -> None:
        self.stage, self.context = stage, context

    def prepare(self, case: str) -> Callable[[], Any]:
        """Sets the case up with root's permissions; what it returns runs the function and raises when denied."""
        return getattr(self, case.replace(", ", "_"))()

    def request_training(self, request: bytes = b"{}", then: list[dict[str, Any]] | None = None) -> Callable[[], Any]:
        for key in ("train/images.gz", "test/images.gz"):
            self.stage.put(f"{DATASET}/{key}")
        self.stage.put(f"{DATASET}/request.json", request)
        event = load("s3_object_created")
        event["detail"]["bucket"]["name"] = self.stage.descriptor["data"]["bucket"]
        event["detail"]["object"]["key"] = f"{DATASET}/request.json"
        records = [{**load("sqs_record"), "body": json.dumps(each)} for each in (event, *(then or []))]

        def run() -> None:
            failures = request_training({"Records": records}, self.context)["batchItemFailures"]
            assert failures == [], "denied"

        return run

    def request_training_refusing(self) -> Callable[[], Any]:
        return self.request_training(request=b"{")

    def request_training_waiting(self) -> Callable[[], Any]:
        place = {"table": self.stage.table, "machine_arn": self.stage.descriptor["train_state_machine_arn"]}
        Lease(client("dynamodb"), client("stepfunctions"), **place).acquire("another")
        detail = {"name": "another", "stopDate": 1794472260000}
        ended = {"source": "aws.states", "detail-type": "Step Functions Execution Status Change", "detail": detail}
        return self.request_training(then=[ended])

    def request_training_redriving(self) -> Callable[[], Any]:
        run = self.stage.failed_run()
        asked = {"source": "slipway", "detail-type": "Redrive Requested", "detail": {"run": run}}
        record = {**load("sqs_record"), "body": json.dumps(asked)}

        def again() -> None:
            assert request_training({"Records": [record]}, self.context)["batchItemFailures"] == [], "denied"

        return again

    def plan_training(self) -> Callable[[], Any]:
        self._register()
        event = load("train_input")
        for item in event["objects"]:
            item["version_id"] = self.stage.put(item["key"])
        place = {"table": self.stage.table, "machine_arn": self.stage.descriptor["train_state_machine_arn"]}
        held = Lease(client("dynamodb"), client("stepfunctions"), **place).acquire(event["run"])
        event["fencing_token"] = held.token
        return lambda: plan_training(event, self.context)

    def decide_gate(self) -> Callable[[], Any]:
        event = self._evaluated()
        return lambda: decide_gate(event, self.context)

    def plan_rollout(self) -> Callable[[], Any]:
        event = self._approved()
        return lambda: plan_rollout(event, self.context)

    def check_rollout(self) -> Callable[[], Any]:
        planned = plan_rollout(self._approved(), self.context)
        (step,) = planned["steps"]
        return lambda: check_rollout({**planned, "step": step}, self.context)

    def compare_variants(self) -> Callable[[], Any]:
        compare = {"champion": "blue", "challenger": "green", "max_latency_ratio": 1.5}
        event = {"endpoint_name": "e", "since": "2026-11-12T08:00:00+00:00", "compare": compare}
        return lambda: compare_variants(event, self.context)

    def retire_models(self) -> Callable[[], Any]:
        sagemaker, prefix = client("sagemaker"), self.stage.descriptor["job_prefix"]
        role = self.stage.descriptor["serving"]["role_arn"]
        for version in (1, 2, 3):
            name = f"{prefix}-v{version}-0000000{version}"
            sagemaker.create_model(ModelName=name, ExecutionRoleArn=role, PrimaryContainer={"Image": "none:1"})
            variant = {"VariantName": "primary", "ModelName": name}
            instances = {"InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}
            sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant | instances])
        event = {"workload": "digits", "previous_endpoint_config_name": None, "versions_kept": 2}
        return lambda: retire_models(event, self.context)

    def predict(self) -> Callable[[], Any]:
        return lambda: self._answered(predict(load("api_predict"), self.context), 503)

    def describe_workloads(self) -> Callable[[], Any]:
        return lambda: self._answered(describe_workloads(load("api_describe_workload"), self.context), 200)

    def describe_workloads_all(self) -> Callable[[], Any]:
        return lambda: self._answered(describe_workloads(load("api_list_workloads"), self.context), 200)

    def _answered(self, response: dict[str, Any], status: int) -> None:
        assert response["statusCode"] == status, "denied"

    def _evaluated(self) -> dict[str, Any]:
        planned = plan_training(load("train_input"), self.context)
        bucket, key = split_uri(planned["evaluation_uri"])
        measured = {"challenger": {"metrics": {"accuracy": 0.95}}, "champion": None}
        boto3.client("s3").put_object(Bucket=bucket, Key=key, Body=json.dumps(measured).encode())
        bucket, key = split_uri(planned["model_uri"])
        boto3.client("s3").put_object(Bucket=bucket, Key=key, Body=b"model")
        return {**load("train_input"), "plan": planned}

    def _register(self) -> str:
        package = decide_gate(self._evaluated(), self.context)["model_package"]
        return str(boto3.client("sagemaker").create_model_package(**package)["ModelPackageArn"])

    def _approved(self) -> dict[str, Any]:
        event = load("model_package_approved")
        group = self.stage.descriptor["model_package_group"]
        event["detail"] |= {"ModelPackageArn": self._register(), "ModelPackageGroupName": group}
        return {"workload": "digits", "event": event, "execution": "rollout-1"}


@pytest.fixture
def as_role(cloud: EmbeddedCloud, monkeypatch: pytest.MonkeyPatch) -> Callable[[list[dict[str, Any]]], None]:
    """Makes every client from now on act as a new role with the given statements."""

    def become(statements: list[dict[str, Any]]) -> None:
        name, iam = unique("function"), cloud.client("iam")
        account = f"arn:aws:iam::{cloud.account}:root"
        trust = {"Effect": "Allow", "Principal": {"AWS": account}, "Action": "sts:AssumeRole"}
        arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=policy(trust))["Role"]["Arn"]
        if statements:
            iam.put_role_policy(RoleName=name, PolicyName="function", PolicyDocument=policy(*statements))
        keys = cloud.client("sts").assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]
        session = boto3.Session(
            aws_access_key_id=keys["AccessKeyId"],
            aws_secret_access_key=keys["SecretAccessKey"],
            aws_session_token=keys["SessionToken"],
            region_name=cloud.region,
        )
        monkeypatch.setattr(boto3, "DEFAULT_SESSION", session)
        monkeypatch.setattr("predict.handler.DIRECTORY", Directory())
        client.cache_clear()

    return become


@pytest.mark.parametrize("case", ACTIONS)
def test_the_permissions_in_the_readme_are_enough(stage: Any, context: Any, as_role: Any, case: str) -> None:
    run = Cases(stage, context).prepare(case)
    as_role([allow(action, resource(action, stage)) for action in ACTIONS[case]])
    run()


@pytest.mark.parametrize(
    ("case", "dropped"), [(case, action) for case, actions in ACTIONS.items() for action in actions]
)
def test_without_any_one_of_them_the_function_is_denied(
    stage: Any, context: Any, as_role: Any, capsys: pytest.CaptureFixture[str], case: str, dropped: str
) -> None:
    run = Cases(stage, context).prepare(case)
    as_role([allow(action, resource(action, stage)) for action in ACTIONS[case] if action != dropped])
    with pytest.raises((ClientError, AssertionError)) as denial:
        run()
    told = str(denial.value) + capsys.readouterr().out
    assert f"is not authorized to perform: {dropped}" in told, told
