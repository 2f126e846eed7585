"""Endpoints through the API: model data with the model's role, InvokeEndpoint, logs, metrics, and a killed cloud."""

import concurrent.futures
from collections.abc import Iterator
from pathlib import Path

import botocore.exceptions
import pytest

from tests.support.embedded_cloud import EmbeddedCloud, allow, eventually, unique
from tests.support.hosting import Hosting, build_server


@pytest.fixture(scope="module")
def hosting(cloud: EmbeddedCloud, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosting]:
    build_server(cloud, tmp_path_factory.mktemp("image"))
    yield Hosting(cloud)


@pytest.fixture(scope="module")
def served(hosting: Hosting) -> str:
    name = hosting.endpoint(hosting.config(hosting.model_data("first")))
    document = hosting.settled(name)
    assert document["EndpointStatus"] == "InService", document.get("FailureReason")
    return name


@pytest.mark.real_effect("CreateModel", "CreateEndpointConfig", "CreateEndpoint", "InvokeEndpoint")
def test_the_model_answers_and_says_which_variant_did(hosting: Hosting, served: str) -> None:
    answer = hosting.invoke(served, b"12345")
    assert answer["Body"] == {"model": "first", "size": 5}
    assert answer["ContentType"] == "application/json"
    assert answer["InvokedProductionVariant"] == "primary"
    assert answer["CustomAttributes"] == "model_version=7"


def test_a_model_error_carries_what_the_container_said(hosting: Hosting, served: str) -> None:
    with pytest.raises(hosting.runtime.exceptions.ModelError) as caught:
        hosting.runtime.invoke_endpoint(EndpointName=served, Body=b"fail")
    response = caught.value.response
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 424
    assert response["OriginalStatusCode"] == 500
    assert response["OriginalMessage"] == '{"error": "weights exploded"}'
    assert response["LogStreamArn"].endswith(f":log-group:/aws/sagemaker/Endpoints/{served}")
    assert "Received server error (500) from primary" in response["Error"]["Message"]


def test_an_endpoint_that_is_not_there_is_a_validation_error(hosting: Hosting) -> None:
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        hosting.runtime.invoke_endpoint(EndpointName="nowhere", Body=b"{}")
    error = caught.value.response["Error"]
    assert error["Code"] == "ValidationError"
    assert error["Message"] == f"Endpoint nowhere of account {hosting.cloud.account} not found."


def test_a_body_beyond_the_limit_is_refused_before_the_container_sees_it(hosting: Hosting, served: str) -> None:
    assert hosting.invoke(served, b"x" * 6_291_456)["Body"]["size"] == 6_291_456
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        hosting.runtime.invoke_endpoint(EndpointName=served, Body=b"x" * 6_291_457)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 413


def test_fifty_clients_at_once_are_all_answered(hosting: Hosting, served: str) -> None:
    with concurrent.futures.ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda n: hosting.invoke(served, b"x" * n)["Body"]["size"], range(200)))
    assert answers == list(range(200))


def test_logs_and_metrics_have_sagemakers_names(hosting: Hosting, served: str) -> None:
    hosting.invoke(served)
    logs, cloudwatch = hosting.cloud.client("logs"), hosting.cloud.client("cloudwatch")
    group = f"/aws/sagemaker/Endpoints/{served}"
    streams = eventually(lambda: logs.describe_log_streams(logGroupName=group)["logStreams"])
    (stream,) = [found["logStreamName"] for found in streams]
    assert stream.startswith("primary/i-")
    events = logs.get_log_events(logGroupName=group, logStreamName=stream, startFromHead=True)["events"]
    assert events[0]["message"] == "serving first"
    dimensions = [{"Name": "EndpointName", "Value": served}, {"Name": "VariantName", "Value": "primary"}]
    names = eventually(
        lambda: {
            metric["MetricName"]
            for metric in cloudwatch.list_metrics(Namespace="AWS/SageMaker", Dimensions=dimensions)["Metrics"]
        }
    )
    errors = {"Invocation4XXErrors", "Invocation5XXErrors"}
    assert names == {"Invocations", "InvocationsPerInstance", "ModelLatency", "OverheadLatency", *errors}


def test_model_data_that_the_role_may_not_read_fails_the_endpoint(hosting: Hosting) -> None:
    blind = hosting.cloud.role(unique("blind"), "sagemaker.amazonaws.com", allow("s3:ListBucket"))
    document = hosting.settled(hosting.endpoint(hosting.config(hosting.model_data("secret"), role=blind)))
    assert document["EndpointStatus"] == "Failed"
    assert document["FailureReason"].startswith("Failed to download model data")
    assert "AccessDenied" in document["FailureReason"]


@pytest.mark.real_effect("UpdateEndpoint", "DescribeEndpoint")
def test_an_update_to_a_corrupt_model_leaves_the_old_one_answering(hosting: Hosting) -> None:
    config = hosting.config(hosting.model_data("good"))
    name = hosting.endpoint(config)
    hosting.settled(name)
    hosting.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=hosting.config(hosting.put(b"no archive")))
    document = hosting.settled(name)
    assert (document["EndpointStatus"], document["EndpointConfigName"]) == ("InService", config)
    assert "Failed to extract model data archive" in document["FailureReason"]
    assert hosting.invoke(name)["Body"]["model"] == "good"


@pytest.mark.real_effect("DeleteEndpoint")
def test_a_deleted_endpoint_is_gone(hosting: Hosting) -> None:
    name = hosting.endpoint(hosting.config(hosting.model_data("short-lived")))
    hosting.settled(name)
    hosting.sagemaker.delete_endpoint(EndpointName=name)
    eventually(lambda: name not in [found["EndpointName"] for found in hosting.sagemaker.list_endpoints()["Endpoints"]])
    assert not list(Path(hosting.cloud.state_dir, "sagemaker/endpoints", name).rglob("model.txt"))


def test_endpoints_answer_again_after_the_cloud_was_killed(hosting: Hosting, served: str) -> None:
    cloud = hosting.cloud
    eventually(lambda: list(Path(cloud.state_dir).glob("generations/*")))
    cloud.kill()
    again = EmbeddedCloud.start(cloud.state_dir, cloud.port)
    hosting.cloud = again
    assert hosting.sagemaker.describe_endpoint(EndpointName=served)["EndpointStatus"] == "InService"
    assert hosting.invoke(served)["Body"]["model"] == "first"
