"""Multi-model endpoints: one container that loads models when a request names them."""

from __future__ import annotations

import io
import json
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.clients import Account
from tests.support.embedded_cloud import eventually, unique

# Takes two models at a time, as the container contract has it.
SERVER = """
import json, os, pathlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
assert os.environ["SAGEMAKER_MULTI_MODEL"] == "true"
loaded = {}
class Handler(BaseHTTPRequestHandler):
    protocol_version, disable_nagle_algorithm = "HTTP/1.1", True
    def log_message(self, *arguments): pass
    def answer(self, status, body):
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)
    def body(self): return self.rfile.read(int(self.headers.get("Content-Length") or 0))
    def do_GET(self): self.answer(200, {})
    def do_DELETE(self):
        self.body()
        self.answer(200, loaded.pop(self.path.split("/")[2]))
    def do_POST(self):
        body = self.body()
        if self.path == "/models":
            wanted = json.loads(body)
            if len(loaded) == 2: return self.answer(507, "no room")
            text = (pathlib.Path(wanted["url"]) / "model.txt").read_text()
            if text == "bad": return self.answer(500, "weights exploded")
            loaded[wanted["model_name"]] = text
            return self.answer(200, {})
        if body == b"die": os._exit(9)
        _, _, name, _ = self.path.split("/")
        said = {"model": loaded[name], "loaded": sorted(loaded.values())}
        self.answer(200, said | {"target": self.headers["X-Amzn-SageMaker-Target-Model"]})
ThreadingHTTPServer(("127.0.0.1", int(os.environ["SAGEMAKER_BIND_TO_PORT"])), Handler).serve_forever()
"""


def _archive(text: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        member = tarfile.TarInfo("model.txt")
        member.size = len(text)
        tar.addfile(member, io.BytesIO(text.encode()))
    return buffer.getvalue()


class Shop:
    """An endpoint whose models are the words of their archives."""

    def __init__(self, account: Account, context: Path) -> None:
        (context / "serve.py").write_text(SERVER)
        (context / "Dockerfile").write_text(
            f"FROM python:3.{sys.version_info.minor}\nCOPY serve.py /opt/program/serve.py\n"
            'ENTRYPOINT ["python3", "/opt/program/serve.py"]\n'
        )
        self.account, self.name = account, unique("multi")
        image, sagemaker = account.image("multi-model:1", context), account.cloud.client("sagemaker")
        for word in ("one", "two", "three", "bad"):
            self.add(word)
        container = {"Image": image, "Mode": "MultiModel", "ModelDataUrl": f"s3://{account.bucket}/shop/"}
        sagemaker.create_model(ModelName=self.name, ExecutionRoleArn=account.role, PrimaryContainer=container)
        variant = {
            "VariantName": "all",
            "ModelName": self.name,
            "InstanceType": "ml.m5.large",
            "InitialInstanceCount": 1,
        }
        sagemaker.create_endpoint_config(EndpointConfigName=self.name, ProductionVariants=[variant])
        sagemaker.create_endpoint(EndpointName=self.name, EndpointConfigName=self.name)
        account.wait("endpoint_in_service", EndpointName=self.name)

    def add(self, word: str) -> None:
        self.account.put(f"shop/{word}.tar.gz", _archive(word))

    def ask(self, target: str, body: bytes = b"{}") -> dict[str, Any]:
        runtime = self.account.cloud.client("sagemaker-runtime")
        answer = runtime.invoke_endpoint(EndpointName=self.name, TargetModel=target, Body=body)
        return json.loads(answer["Body"].read())


@pytest.fixture(scope="module")
def shop(account: Account, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    return Shop(account, tmp_path_factory.mktemp("image"))


def test_a_request_is_answered_by_the_model_it_names(shop: Shop) -> None:
    assert shop.ask("one.tar.gz") == {"model": "one", "loaded": ["one"], "target": "one.tar.gz"}
    assert shop.ask("two.tar.gz")["model"] == "two"
    shop.ask("one.tar.gz")
    assert shop.ask("three.tar.gz") == {"model": "three", "loaded": ["one", "three"], "target": "three.tar.gz"}


def test_a_model_added_later_is_found(shop: Shop) -> None:
    with pytest.raises(ClientError, match="Failed to download model data") as refused:
        shop.ask("later.tar.gz")
    assert refused.value.response["Error"]["Code"] == "ValidationError"
    shop.add("later")
    assert shop.ask("later.tar.gz")["model"] == "later"


def test_a_model_that_cannot_be_loaded_is_the_containers_error(shop: Shop) -> None:
    with pytest.raises(ClientError, match="weights exploded") as refused:
        shop.ask("bad.tar.gz")
    assert refused.value.response["Error"]["Code"] == "ModelError"


def test_a_container_that_was_started_again_loads_anew(shop: Shop) -> None:
    shop.ask("one.tar.gz")
    with pytest.raises(ClientError, match="exited"):
        shop.ask("one.tar.gz", b"die")

    def answers() -> bool:
        try:
            return shop.ask("one.tar.gz")["loaded"] == ["one"]
        except ClientError:
            return False

    assert eventually(answers)


def test_a_request_must_name_a_model(shop: Shop) -> None:
    runtime = shop.account.cloud.client("sagemaker-runtime")
    with pytest.raises(ClientError, match="name one in TargetModel"):
        runtime.invoke_endpoint(EndpointName=shop.name, Body=b"{}")
