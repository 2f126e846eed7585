"""A control plane behind a real HTTP server, so that the tests call it with boto3 as every client does.

Only the supervisors are stand-ins: they record what they were asked and never touch a document by themselves.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config as ClientConfig
from botocore.exceptions import ClientError

from localcloud.sagemaker.api import SageMakerApi
from localcloud.sagemaker.events import EventPublisher
from localcloud.sagemaker.store import Store

REGION, ACCOUNT = "eu-west-1", "123456789012"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/sagemaker-execution"
IMAGE = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/serving:1"


@dataclass(frozen=True)
class CloudConfig:
    region: str = REGION
    account: str = ACCOUNT


@dataclass(frozen=True)
class Caller:
    arn: str = f"arn:aws:iam::{ACCOUNT}:user/tester"


@dataclass
class RecordingSupervisor:
    """Jobs and Endpoints at once: remembers every call as (verb, arguments)."""

    calls: list[tuple[str, ...]] = field(default_factory=list)

    def __getattr__(self, verb: str) -> Callable[..., None]:
        return lambda *arguments: self.calls.append((verb, *arguments))


@dataclass
class Authorizer:
    """Allows everything but the (action, resource ARN) pairs in ``denied``; remembers what it was asked."""

    denied: set[tuple[str, str]] = field(default_factory=set)
    asked: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)

    def __call__(self, caller: Any, action: str, resource_arn: str, context: Mapping[str, str]) -> bool:
        self.asked.append((action, resource_arn, dict(context)))
        return (action, resource_arn) not in self.denied


@dataclass
class ControlPlane:
    """One running control plane and everything around it that a test may look at."""

    api: SageMakerApi
    store: Store
    jobs: RecordingSupervisor
    endpoints: RecordingSupervisor
    authorizer: Authorizer
    published: list[tuple[str, str, dict[str, Any], list[str]]]
    client: Any

    def events(self) -> list[tuple[str, dict[str, Any]]]:
        """(detail type, detail) of everything published so far."""
        assert self.store.flush(timeout=20)
        return [(detail_type, detail) for _, detail_type, detail, _ in self.published]

    def bring_in_service(self, endpoint_name: str) -> None:
        """What the endpoint supervisor writes when a deployment succeeded."""
        self.store.update("endpoint", endpoint_name, _serve)


def error_of(call: Callable[..., Any], **arguments: Any) -> tuple[str, str]:
    """Code and message that a call of the client is refused with."""
    with pytest.raises(ClientError) as refused:
        call(**arguments)
    error = refused.value.response["Error"]
    return error["Code"], error["Message"]


def _serve(endpoint: dict[str, Any]) -> None:
    config = endpoint.pop("_TargetConfig")
    endpoint |= {"EndpointStatus": "InService", "EndpointConfigName": config["EndpointConfigName"]}
    endpoint["_ServingConfig"] = config
    endpoint["ProductionVariants"] = [
        {
            "VariantName": variant["VariantName"],
            "CurrentWeight": variant["InitialVariantWeight"],
            "CurrentInstanceCount": variant["InitialInstanceCount"],
        }
        for variant in config["ProductionVariants"]
    ]
    if deployment := endpoint.pop("_DeploymentConfig", None):
        endpoint["LastDeploymentConfig"] = deployment
    for member in ("PendingDeploymentSummary", "_RetainVariantProperties"):
        endpoint.pop(member, None)


@pytest.fixture
def plane(tmp_path: Path) -> Iterator[ControlPlane]:
    """A control plane on an empty store, its events recorded, with a boto3 client."""
    store = Store(tmp_path / "sagemaker.db")
    published: list[tuple[str, str, dict[str, Any], list[str]]] = []
    EventPublisher(store, lambda *event: published.append(event))
    jobs, endpoints, authorizer = RecordingSupervisor(), RecordingSupervisor(), Authorizer()
    api = SageMakerApi(config=CloudConfig(), store=store, jobs=jobs, endpoints=endpoints, authorize=authorizer)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(api))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    client = _client(server.server_address[1])
    yield ControlPlane(api, store, jobs, endpoints, authorizer, published, client)
    client.close()
    server.shutdown()
    server.server_close()
    thread.join()
    store.close()


def _client(port: int) -> Any:
    return boto3.client(
        "sagemaker",
        endpoint_url=f"http://127.0.0.1:{port}",
        region_name=REGION,
        aws_access_key_id="test",
        aws_secret_access_key="test",  # noqa: S106
        # The tests are about what the service refuses, so the client may not refuse it first.
        config=ClientConfig(parameter_validation=False, retries={"total_max_attempts": 1}),
    )


def _handler(api: SageMakerApi) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # one packet an answer

        def do_POST(self) -> None:
            operation = self.headers["X-Amz-Target"].rpartition(".")[2]
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status, headers, answer = api.handle(operation, body, Caller())
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(answer))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *arguments: Any) -> None:
            """Nothing: the tests read answers, not access logs."""

    return Handler


@pytest.fixture
def training_job() -> dict[str, Any]:
    """A CreateTrainingJob request that is accepted."""
    return {
        "TrainingJobName": "digits-1",
        "RoleArn": ROLE,
        "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 30},
        "OutputDataConfig": {"S3OutputPath": "s3://artifacts/digits/"},
        "StoppingCondition": {"MaxRuntimeInSeconds": 600},
        "InputDataConfig": [
            {
                "ChannelName": "train",
                "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://data/digits/train/"}},
            }
        ],
        "HyperParameters": {"epochs": "3"},
    }


@pytest.fixture
def processing_job() -> dict[str, Any]:
    """A CreateProcessingJob request that is accepted."""
    return {
        "ProcessingJobName": "digits-1-eval",
        "RoleArn": ROLE,
        "AppSpecification": {"ImageUri": IMAGE, "ContainerEntrypoint": ["python", "-m", "server.evaluate"]},
        "ProcessingResources": {
            "ClusterConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 30}
        },
        "ProcessingInputs": [
            {
                "InputName": "holdout",
                "S3Input": {
                    "S3Uri": "s3://data/digits/test/",
                    "LocalPath": "/opt/ml/processing/input/holdout",
                    "S3DataType": "S3Prefix",
                    "S3InputMode": "File",
                },
            }
        ],
        "ProcessingOutputConfig": {
            "Outputs": [
                {
                    "OutputName": "evaluation",
                    "S3Output": {
                        "S3Uri": "s3://artifacts/digits/evaluation/",
                        "LocalPath": "/opt/ml/processing/output",
                        "S3UploadMode": "EndOfJob",
                    },
                }
            ]
        },
    }


@pytest.fixture
def deploy(plane: ControlPlane) -> Callable[..., str]:
    """Create a model and an endpoint config of a name, with one variant; returns the name."""

    def create(name: str, variant: str = "primary", instances: int = 1) -> str:
        plane.client.create_model(
            ModelName=name,
            PrimaryContainer={"Image": IMAGE, "ModelDataUrl": "s3://artifacts/model.tar.gz"},
            ExecutionRoleArn=ROLE,
        )
        plane.client.create_endpoint_config(
            EndpointConfigName=name,
            ProductionVariants=[
                {
                    "VariantName": variant,
                    "ModelName": name,
                    "InstanceType": "ml.m5.large",
                    "InitialInstanceCount": instances,
                }
            ],
        )
        return name

    return create
