"""The project's own model server behind endpoints: answers in parts, and many models in one container."""

from __future__ import annotations

import io
import json
import tarfile
from typing import Any

import pytest

from tests.support.clients import Account, account_in
from tests.support.embedded_cloud import EmbeddedCloud, unique
from tests.support.serving_image import DOCKERFILE, write_context

_CODE = """
import pathlib

def model_fn(model_dir):
    return (pathlib.Path(model_dir) / "word.txt").read_text()

def predict_fn(data, model):
    if data == ["stream"]:
        return (f"{model} {number}\\n" for number in range(3))
    if data == ["break"]:
        return broken(model)
    return [model for _ in data]

def broken(model):
    yield model
    raise RuntimeError("no more")
"""


@pytest.fixture(scope="module")
def account(cloud: EmbeddedCloud) -> Account:
    return account_in(cloud)


@pytest.fixture(scope="module")
def image(account: Account, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The serving image of a workload, by the Dockerfile that every workload has."""
    context = tmp_path_factory.mktemp("context")
    write_context(context, "words", {"inference.py": _CODE})
    text = (context / DOCKERFILE).read_text()
    (context / "Dockerfile").write_text(text.replace("ARG WORKLOAD\n", "ARG WORKLOAD=words\n"))
    return account.image("model-server:1", context)


def _archive(word: str, name: str = "word.txt") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        member = tarfile.TarInfo(name)
        member.size = len(word)
        tar.addfile(member, io.BytesIO(word.encode()))
    return buffer.getvalue()


def _endpoint(account: Account, container: dict[str, Any]) -> str:
    name, sagemaker = unique("words"), account.cloud.client("sagemaker")
    sagemaker.create_model(ModelName=name, ExecutionRoleArn=account.role, PrimaryContainer=container)
    variant = {"VariantName": "all", "ModelName": name, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    account.wait("endpoint_in_service", EndpointName=name)
    return name


@pytest.fixture(scope="module")
def endpoint(account: Account, image: str) -> str:
    environment = {"SLIPWAY_MODEL_VERSION": "3"}
    data = account.put("words/one.tar.gz", _archive("one"))
    return _endpoint(account, {"Image": image, "ModelDataUrl": data, "Environment": environment})


def _streamed(account: Account, endpoint: str, instance: str) -> list[bytes]:
    answer = account.cloud.client("sagemaker-runtime").invoke_endpoint_with_response_stream(
        EndpointName=endpoint, Body=json.dumps({"instances": [instance]}), ContentType="application/json"
    )
    return [event["PayloadPart"]["Bytes"] for event in answer["Body"]]


def test_an_answer_arrives_in_the_parts_that_the_model_gave(account: Account, endpoint: str) -> None:
    assert b"".join(_streamed(account, endpoint, "stream")) == b"one 0\none 1\none 2\n"


def test_an_answer_that_breaks_off_is_told(account: Account, endpoint: str) -> None:
    with pytest.raises(Exception, match="ModelStreamError"):
        _streamed(account, endpoint, "break")


def test_ids_go_through_and_the_version_comes_back(account: Account, endpoint: str) -> None:
    answer = account.cloud.client("sagemaker-runtime").invoke_endpoint(
        EndpointName=endpoint, Body=b'{"instances": [1]}', ContentType="application/json", InferenceId="order-7"
    )
    assert json.loads(answer["Body"].read()) == {"predictions": ["one"]}
    assert answer["CustomAttributes"] == "model_version=3"


def test_one_container_serves_the_models_that_requests_name(account: Account, image: str) -> None:
    for word in ("red", "blue"):
        account.put(f"colours/{word}.tar.gz", _archive(word))
    account.put("colours/nothing.tar.gz", _archive("unread", "other.txt"))
    data = f"s3://{account.bucket}/colours/"
    name = _endpoint(account, {"Image": image, "Mode": "MultiModel", "ModelDataUrl": data})
    runtime = account.cloud.client("sagemaker-runtime")

    def ask(word: str) -> Any:
        body = b'{"instances": [1, 2]}'
        answer = runtime.invoke_endpoint(EndpointName=name, TargetModel=f"{word}.tar.gz", Body=body)
        return json.loads(answer["Body"].read())["predictions"]

    assert [ask("red"), ask("blue"), ask("red")] == [["red"] * 2, ["blue"] * 2, ["red"] * 2]
    with pytest.raises(runtime.exceptions.ModelError, match="cannot be served"):
        ask("nothing")
