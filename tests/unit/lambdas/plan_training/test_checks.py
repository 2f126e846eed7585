"""The request of the data check, and what everything after it reads."""

from typing import Any

import pytest
from plan_training.handler import handler
from shared.names import job_name

from tests.support.botocore_model import violations
from tests.support.loopback_aws import LoopbackAws, no_endpoint

DESCRIPTOR = "/slipway/dev/workloads/digits"
CHECKS = {
    "image_uri": "763104351884.dkr.ecr.eu-central-1.amazonaws.com/pytorch:2.13-cpu-amzn2023-sagemaker",
    "role_arn": "arn:aws:iam::123456789012:role/slipway-dev-digits-checks",
    "checker_uri": "s3://assets/c0de.zip",
    "rules_uri": "s3://assets/f00d.json",
    "channels": ["train"],
    "instance_type": "ml.m5.large",
    "volume_gb": 20,
    "max_runtime_seconds": 900,
}
STEP = {
    "name": "frames",
    "image_uri": "image",
    "script": "process.py",
    "instance_type": "ml.m5.large",
    "instance_count": 2,
    "volume_gb": 30,
    "max_runtime_seconds": 60,
    "parameters": {},
    "inputs": {"train": "sharded", "test": "replicated"},
    "outputs": ["arrays"],
}


@pytest.fixture
def plan(aws: LoopbackAws, parameters: dict[str, Any], load_event: Any, context: Any) -> Any:
    """Plans for a workload of which a channel is checked; keywords change its descriptor."""
    aws.operations["SageMaker.DescribeEndpoint"] = no_endpoint
    aws.operations["SageMaker.ListModelPackages"] = lambda request: {"ModelPackageSummaryList": []}

    def plan(**changes: Any) -> dict[str, Any]:
        parameters[DESCRIPTOR] |= {"checks": CHECKS, **changes}
        return handler(load_event("train_input"), context)

    return plan


@pytest.fixture
def job(load_event: Any) -> str:
    return job_name("slipway-dev-digits", load_event("train_input")["run"])


def test_the_check_is_a_job_as_sagemaker_takes_it(plan: Any, job: str) -> None:
    request = plan()["check_job"]
    assert violations("sagemaker", "CreateProcessingJob", request) == []
    assert request["ProcessingJobName"] == f"{job}-check"
    assert request["RoleArn"] == CHECKS["role_arn"]
    assert request["NetworkConfig"] == {"EnableNetworkIsolation": True}
    assert request["StoppingCondition"] == {"MaxRuntimeInSeconds": 900}


def test_the_check_reads_the_channels_themselves(plan: Any, load_event: Any) -> None:
    dataset = load_event("train_input")["dataset"]
    sources = {i["InputName"]: i["S3Input"] for i in plan()["check_job"]["ProcessingInputs"]}
    assert {name: (source["S3Uri"], source["S3DataType"]) for name, source in sources.items()} == {
        "entrypoint": ("s3://assets/c0de.zip", "S3Prefix"),
        "code": ("s3://assets/f00d.json", "S3Prefix"),
        "train": (f"s3://slipway-data/digits/{dataset}/train/", "S3Prefix"),
    }
    assert all(source["LocalPath"] == f"/opt/ml/processing/input/{name}" for name, source in sources.items())


def test_report_lists_and_bad_files_go_to_their_prefixes(plan: Any, job: str, load_event: Any) -> None:
    outputs = plan()["check_job"]["ProcessingOutputConfig"]["Outputs"]
    places = {output["OutputName"]: output["S3Output"]["S3Uri"] for output in outputs}
    run = load_event("train_input")["run"]
    assert places == {
        "report": f"s3://slipway-artifacts/digits/checks/{job}/",
        "quarantine": f"s3://slipway-artifacts/digits/quarantine/{run}/",
    }


def test_the_checker_is_told_where_everything_is(plan: Any, load_event: Any) -> None:
    request = plan()["check_job"]["AppSpecification"]
    place = "/opt/ml/processing"
    assert request["ContainerEntrypoint"] == ["python3", f"{place}/input/entrypoint/c0de.zip"]
    assert request["ContainerArguments"] == [
        f"--rules={place}/input/code/f00d.json",
        f"--data={place}/input",
        f"--report={place}/output/report",
        f"--quarantine={place}/output/quarantine",
        f"--source=s3://slipway-data/digits/{load_event('train_input')['dataset']}/",
        "--message=/opt/ml/output/message",
    ]


def test_what_comes_after_reads_good_files_of_checked_channels(
    plan: Any, parameters: dict[str, Any], job: str, load_event: Any
) -> None:
    parameters[DESCRIPTOR]["evaluation"]["channel"] = "train"
    planned = plan(processing={"role_arn": CHECKS["role_arn"], "steps": [STEP]})
    good = (f"s3://slipway-artifacts/digits/checks/{job}/train.manifest", "ManifestFile")
    whole = (f"s3://slipway-data/digits/{load_event('train_input')['dataset']}/test/", "S3Prefix")

    channels = {c["ChannelName"]: c["DataSource"]["S3DataSource"] for c in planned["training_job"]["InputDataConfig"]}
    assert [(channels[name]["S3Uri"], channels[name]["S3DataType"]) for name in ("train", "test")] == [good, whole]
    step = {i["InputName"]: i["S3Input"] for i in planned["processing_jobs"]["frames"]["ProcessingInputs"]}
    assert [(step[name]["S3Uri"], step[name]["S3DataType"]) for name in ("train", "test")] == [good, whole]
    assert step["train"]["S3DataDistributionType"] == "ShardedByS3Key"
    holdout = {i["InputName"]: i["S3Input"] for i in planned["evaluation_job"]["ProcessingInputs"]}["holdout"]
    assert (holdout["S3Uri"], holdout["S3DataType"]) == good
    for operation, request in (
        ("CreateTrainingJob", planned["training_job"]),
        ("CreateProcessingJob", planned["processing_jobs"]["frames"]),
        ("CreateProcessingJob", planned["evaluation_job"]),
    ):
        assert violations("sagemaker", operation, request) == []


def test_without_checks_there_is_no_job(plan: Any) -> None:
    assert plan(checks=None)["check_job"] is None
