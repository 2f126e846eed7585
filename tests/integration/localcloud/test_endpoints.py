"""Endpoints through the API: model data with the model's role, InvokeEndpoint, logs, metrics, and a killed cloud."""

import concurrent.futures
import io
import json
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import botocore.exceptions
import pytest

from localcloud.images.registry import ImageRegistry
from tests.support.embedded_cloud import EmbeddedCloud, allow, eventually, unique

_SECONDS = 60
SERVER = """
import json, os, pathlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
model = pathlib.Path("/opt/ml/model/model.txt").read_text()
print("serving", model, flush=True)
class Handler(BaseHTTPRequestHandler):
    protocol_version, disable_nagle_algorithm = "HTTP/1.1", True
    def log_message(self, *arguments): pass
    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("X-Amzn-SageMaker-Custom-Attributes", "model_version=7")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def do_GET(self): self.answer(200, b"")
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if body == b"fail": return self.answer(500, b'{"error": "weights exploded"}')
        self.answer(200, json.dumps({"model": model, "size": len(body)}).encode())
ThreadingHTTPServer(("127.0.0.1", int(os.environ["SAGEMAKER_BIND_TO_PORT"])), Handler).serve_forever()
"""


class Hosting:
    """One bucket, one role that may read it, one image with the server above."""

    def __init__(self, cloud: EmbeddedCloud) -> None:
        self.cloud = cloud
        self.sagemaker, self.runtime = cloud.client("sagemaker"), cloud.client("sagemaker-runtime")
        self.bucket = unique("models")
        cloud.client("s3").create_bucket(Bucket=self.bucket)
        service = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]
        self.role = cloud.role(unique("model"), "sagemaker.amazonaws.com", allow("s3:GetObject"), allow(service))

    def model_data(self, text: str) -> str:
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
            member = tarfile.TarInfo("model.txt")
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text.encode()))
        return self.put(buffer.getvalue())

    def put(self, body: bytes) -> str:
        key = f"{unique('model')}/model.tar.gz"
        self.cloud.client("s3").put_object(Bucket=self.bucket, Key=key, Body=body)
        return f"s3://{self.bucket}/{key}"

    def config(self, data: str, role: str | None = None) -> str:
        name = unique("config")
        container = {"Image": "tiny-server:1", "ModelDataUrl": data}
        self.sagemaker.create_model(ModelName=name, ExecutionRoleArn=role or self.role, PrimaryContainer=container)
        variant = {
            "VariantName": "primary",
            "ModelName": name,
            "InitialInstanceCount": 1,
            "InstanceType": "ml.m5.large",
        }
        self.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
        return name

    def endpoint(self, config: str) -> str:
        name = unique("endpoint")
        self.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config)
        return name

    def settled(self, name: str) -> dict[str, Any]:
        def settled() -> dict | None:
            found = self.sagemaker.describe_endpoint(EndpointName=name)
            return found if found["EndpointStatus"] in ("InService", "Failed") else None

        return eventually(settled, _SECONDS)

    def invoke(self, name: str, body: bytes = b"{}") -> dict[str, Any]:
        answer = self.runtime.invoke_endpoint(EndpointName=name, ContentType="application/json", Body=body)
        return {**answer, "Body": json.loads(answer["Body"].read())}


@pytest.fixture(scope="module")
def hosting(cloud: EmbeddedCloud, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosting]:
    context = tmp_path_factory.mktemp("image")
    (context / "Dockerfile").write_text(
        f"FROM python:3.{sys.version_info.minor}\nCOPY serve.py /opt/program/serve.py\n"
        'ENTRYPOINT ["python3", "/opt/program/serve.py"]\n'
    )
    (context / "serve.py").write_text(SERVER)
    registry = ImageRegistry(SimpleNamespace(state_dir=cloud.state_dir, account=cloud.account))
    registry.build(context, context / "Dockerfile", {}, "tiny-server:1")
    yield Hosting(cloud)


@pytest.fixture(scope="module")
def served(hosting: Hosting) -> str:
    name = hosting.endpoint(hosting.config(hosting.model_data("first")))
    document = hosting.settled(name)
    assert document["EndpointStatus"] == "InService", document.get("FailureReason")
    return name


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
    assert names == {"Invocations", "ModelLatency", "OverheadLatency", *errors}


def test_model_data_that_the_role_may_not_read_fails_the_endpoint(hosting: Hosting) -> None:
    blind = hosting.cloud.role(unique("blind"), "sagemaker.amazonaws.com", allow("s3:ListBucket"))
    document = hosting.settled(hosting.endpoint(hosting.config(hosting.model_data("secret"), role=blind)))
    assert document["EndpointStatus"] == "Failed"
    assert document["FailureReason"].startswith("Failed to download model data")
    assert "AccessDenied" in document["FailureReason"]


def test_an_update_to_a_corrupt_model_leaves_the_old_one_answering(hosting: Hosting) -> None:
    config = hosting.config(hosting.model_data("good"))
    name = hosting.endpoint(config)
    hosting.settled(name)
    hosting.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=hosting.config(hosting.put(b"no archive")))
    document = hosting.settled(name)
    assert (document["EndpointStatus"], document["EndpointConfigName"]) == ("InService", config)
    assert "Failed to extract model data archive" in document["FailureReason"]
    assert hosting.invoke(name)["Body"]["model"] == "good"


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
