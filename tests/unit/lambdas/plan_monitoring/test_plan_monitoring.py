"""The job that a look starts. Which objects it reads: tests/integration/lambdas/test_monitoring.py."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from plan_monitoring import requests
from plan_monitoring.handler import handler
from plan_monitoring.logic import NotMonitored
from plan_monitoring.requests import Job
from shared.descriptor import Monitoring

from tests.support.botocore_model import violations
from tests.support.loopback_aws import LoopbackAws, ServiceError

JOB = Job(name="slipway-dev-digits-0123456789ab-drift", version="3", since=datetime(2026, 5, 1, 12, tzinfo=UTC))
LISTS = {"captures": "s3://artifacts/digits/monitoring/x/captures.manifest"}


@pytest.fixture
def monitoring() -> Monitoring:
    return {
        "state_machine_arn": "arn:aws:states:eu-central-1:123456789012:stateMachine:slipway-dev-digits-monitor",
        "image_uri": "123456789012.dkr.ecr.eu-central-1.amazonaws.com/slipway-dev-digits:abc",
        "role_arn": "arn:aws:iam::123456789012:role/slipway-dev-digits-monitoring",
        "monitor_uri": "s3://assets/0123.zip",
        "instance_type": "ml.m5.large",
        "volume_gb": 30,
        "max_runtime_seconds": 1800,
        "sampling_percent": 50,
        "window_hours": 24,
        "baseline_requests": 1000,
        "minimum_requests": 100,
        "threshold": 0.2,
        "quality": {"metric": "accuracy", "field": "label"},
    }


@pytest.fixture
def event() -> dict[str, Any]:
    return {"workload": "digits", "execution": "monitor-1"}


@pytest.fixture(autouse=True)
def functions_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLIPWAY_WORKLOADS_PATH", "/slipway/dev/workloads")


def test_the_job_is_isolated_and_reads_lists_of_objects(descriptor: dict[str, Any], monitoring: Monitoring) -> None:
    job = requests.job({**descriptor, "monitoring": monitoring}, JOB, LISTS, baseline_uri="s3://artifacts/b.jsonl")
    assert violations("sagemaker", "CreateProcessingJob", job) == []
    assert job["NetworkConfig"] == {"EnableNetworkIsolation": True}
    assert job["AppSpecification"]["ContainerEntrypoint"] == ["python3", "/opt/ml/processing/input/monitor/0123.zip"]
    types = {item["InputName"]: item["S3Input"]["S3DataType"] for item in job["ProcessingInputs"]}
    assert types == {"monitor": "S3Prefix", "captures": "ManifestFile", "baseline": "S3Prefix"}
    assert set(job["AppSpecification"]["ContainerArguments"]) >= {
        "--since=2026-05-01T12:00:00Z",
        "--quality-metric=accuracy",
        "--quality-field=label",
    }


def test_without_quality_no_metric_is_asked_for(descriptor: dict[str, Any], monitoring: Monitoring) -> None:
    monitoring["quality"] = None
    job = requests.job({**descriptor, "monitoring": monitoring}, JOB, LISTS, baseline_uri=None)
    assert not [word for word in job["AppSpecification"]["ContainerArguments"] if "quality" in word]


def test_a_workload_without_monitoring_is_refused(
    parameters: dict[str, Any], event: dict[str, Any], context: SimpleNamespace
) -> None:
    with pytest.raises(NotMonitored, match="digits has no monitoring"):
        handler(event, context)


def test_before_the_first_model_there_is_nothing_to_look_at(
    aws: LoopbackAws,
    parameters: dict[str, Any],
    monitoring: Monitoring,
    event: dict[str, Any],
    context: SimpleNamespace,
) -> None:
    def missing(_: dict[str, Any]) -> dict[str, Any]:
        raise ServiceError("ValidationException", "Could not find endpoint")

    parameters["/slipway/dev/workloads/digits"]["monitoring"] = monitoring
    aws.operations["SageMaker.DescribeEndpoint"] = missing
    planned = handler(event, context)
    assert planned["job"] is None and "no endpoint slipway-dev-digits" in planned["reason"]


def test_a_version_from_before_monitoring_captures_nothing(
    aws: LoopbackAws,
    parameters: dict[str, Any],
    monitoring: Monitoring,
    event: dict[str, Any],
    context: SimpleNamespace,
) -> None:
    name = "slipway-dev-digits-v2-00000000"
    parameters["/slipway/dev/workloads/digits"]["monitoring"] = monitoring
    variants = [{"VariantName": "primary", "DesiredWeight": 1.0}]
    aws.operations["SageMaker.DescribeEndpoint"] = lambda _: {
        "EndpointConfigName": name,
        "ProductionVariants": variants,
    }
    aws.operations["SageMaker.DescribeEndpointConfig"] = lambda _: {
        "ProductionVariants": [{"VariantName": "primary", "ModelName": name}]
    }
    planned = handler(event, context)
    assert planned["job"] is None and "version 2 was rolled out before monitoring" in planned["reason"]
