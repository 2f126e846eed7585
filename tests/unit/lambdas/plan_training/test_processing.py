"""The requests of the processing steps, and the channels that are their outputs."""

from typing import Any

import pytest
from plan_training.handler import handler
from shared.names import job_name

from tests.support.botocore_model import violations
from tests.support.loopback_aws import LoopbackAws, no_endpoint

DESCRIPTOR = "/slipway/dev/workloads/digits"
STEPS = [
    {
        "name": "frames",
        "image_uri": "763104351884.dkr.ecr.eu-central-1.amazonaws.com/pytorch:2.13-cpu-amzn2023-sagemaker",
        "script": "process.py",
        "instance_type": "ml.m5.xlarge",
        "instance_count": 3,
        "volume_gb": 20,
        "max_runtime_seconds": 900,
        "parameters": {"frames": 15, "grey": True, "rate": -0.5, "size": "32x32"},
        "inputs": {"train": "sharded", "test": "replicated"},
        "outputs": ["arrays"],
    },
    {
        "name": "scale",
        "image_uri": "image",
        "script": "scale.py",
        "instance_type": "ml.g5.xlarge",
        "instance_count": 1,
        "volume_gb": 30,
        "max_runtime_seconds": 60,
        "parameters": {},
        "inputs": {"arrays": "replicated"},
        "outputs": ["scaled", "holdout"],
    },
]


@pytest.fixture
def plan(aws: LoopbackAws, parameters: dict[str, Any], load_event: Any, context: Any) -> dict[str, Any]:
    """What is planned for a workload with two steps, trained and evaluated on what they make."""
    aws.operations["SageMaker.DescribeEndpoint"] = no_endpoint
    aws.operations["SageMaker.ListModelPackages"] = lambda request: {"ModelPackageSummaryList": []}
    descriptor = parameters[DESCRIPTOR]
    descriptor["processing"] = {"role_arn": "arn:aws:iam::123456789012:role/slipway-dev-digits-processing"}
    descriptor["processing"]["steps"] = STEPS
    descriptor["training"]["channels"] = ["scaled", "test"]
    descriptor["evaluation"]["channel"] = "holdout"
    return handler(load_event("train_input"), context)


@pytest.fixture
def folder(plan: dict[str, Any]) -> str:
    return f"s3://slipway-artifacts/digits/processed/{plan['training_job']['TrainingJobName']}"


def inputs(job: dict[str, Any]) -> dict[str, tuple[str, str, str]]:
    sources = {i["InputName"]: i["S3Input"] for i in job["ProcessingInputs"]}
    return {name: (s["S3Uri"], s["LocalPath"], s["S3DataDistributionType"]) for name, s in sources.items()}


def test_the_steps_are_planned_in_their_order_as_sagemaker_takes_them(plan: dict[str, Any], load_event: Any) -> None:
    job = job_name("slipway-dev-digits", load_event("train_input")["run"])
    assert list(plan["processing_jobs"]) == ["frames", "scale"]
    for name, request in plan["processing_jobs"].items():
        assert violations("sagemaker", "CreateProcessingJob", request) == []
        assert request["ProcessingJobName"] == f"{job}-{name}"


def test_the_driver_starts_the_script_with_the_parameters_as_strings(plan: dict[str, Any]) -> None:
    frames, scale = plan["processing_jobs"].values()
    assert frames["AppSpecification"] == {
        "ImageUri": STEPS[0]["image_uri"],
        "ContainerEntrypoint": ["python3", "/opt/ml/processing/input/entrypoint/1f0e.zip"],
        "ContainerArguments": ["--frames", "15", "--grey", "true", "--rate", "-0.5", "--size", "32x32"],
    }
    assert frames["Environment"] == {"SLIPWAY_SCRIPT": "process.py"}
    assert "ContainerArguments" not in scale["AppSpecification"]


def test_inputs_are_shared_out_or_copied_as_the_manifest_says(plan: dict[str, Any], folder: str) -> None:
    frames, scale = plan["processing_jobs"].values()
    data, assets = (
        "s3://slipway-data/digits/20261112-080000-ab12",
        "s3://cdk-hnb659fds-assets-123456789012-eu-central-1",
    )
    place = "/opt/ml/processing/input"
    assert inputs(frames) == {
        "entrypoint": (f"{assets}/1f0e.zip", f"{place}/entrypoint", "FullyReplicated"),
        "code": (f"{assets}/2a9b.zip", f"{place}/code", "FullyReplicated"),
        "train": (f"{data}/train/", f"{place}/train", "ShardedByS3Key"),
        "test": (f"{data}/test/", f"{place}/test", "FullyReplicated"),
    }
    assert inputs(scale)["arrays"] == (f"{folder}/arrays/", f"{place}/arrays", "FullyReplicated")
    assert frames["ProcessingResources"]["ClusterConfig"]["InstanceCount"] == 3


def test_outputs_of_all_instances_land_in_one_folder_under_the_key(plan: dict[str, Any], folder: str) -> None:
    for step, request in zip(STEPS, plan["processing_jobs"].values(), strict=True):
        config = request["ProcessingOutputConfig"]
        assert config["KmsKeyId"].startswith("arn:aws:kms:")
        places = {o["OutputName"]: (o["S3Output"]["S3Uri"], o["S3Output"]["LocalPath"]) for o in config["Outputs"]}
        assert places == {name: (f"{folder}/{name}/", f"/opt/ml/processing/output/{name}") for name in step["outputs"]}


def test_training_and_evaluation_read_what_the_steps_made(plan: dict[str, Any], folder: str) -> None:
    channels = plan["training_job"]["InputDataConfig"]
    uris = {channel["ChannelName"]: channel["DataSource"]["S3DataSource"]["S3Uri"] for channel in channels}
    assert uris["scaled"] == f"{folder}/scaled/"
    assert uris["test"] == "s3://slipway-data/digits/20261112-080000-ab12/test/"
    assert uris.keys() == {"entrypoint", "code", "scaled", "test"}
    assert inputs(plan["evaluation_job"])["holdout"][0] == f"{folder}/holdout/"


def test_a_volume_that_encrypts_itself_is_given_no_key(plan: dict[str, Any]) -> None:
    frames, scale = plan["processing_jobs"].values()
    assert "VolumeKmsKeyId" in frames["ProcessingResources"]["ClusterConfig"]
    assert "VolumeKmsKeyId" not in scale["ProcessingResources"]["ClusterConfig"]


def test_without_steps_there_are_no_jobs_for_them(plan: dict[str, Any], parameters: Any, load_event: Any, context: Any):
    parameters[DESCRIPTOR]["processing"] = None
    parameters[DESCRIPTOR]["training"]["channels"] = ["test"]
    parameters[DESCRIPTOR]["evaluation"]["channel"] = "test"
    assert handler(load_event("train_input"), context)["processing_jobs"] == {}
