"""Lambda functions: what a cold start imports and makes, against bare boto3 with the same clients; calling an endpoint.

    python -m benchmarks.lambdas [--calls 300] [--rounds 7] [--json FILE] [--write-docs]

A cold start is a new interpreter that imports the handler out of the function's bundle and makes its clients; bare
boto3 is one that makes the same clients, configured alike. "bytecode" is the import of the bundle's own modules from
source, against the same with .pyc files: what shipping them would save (boto3's own are in Lambda's image; what they
are worth is told beside it). InvokeEndpoint by boto3 is compared with a signed request on a kept connection, both
against the same small server, which checks that both are signed.
"""

from __future__ import annotations

import argparse
import compileall
import http.client
import json
import os
import py_compile
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials

from benchmarks.command import main as command
from benchmarks.containers import seconds
from benchmarks.results import Goal, Result, alternate, summarise
from cli.programs import ROOT

LAMBDAS = ROOT / "lambdas"
CLIENTS = {
    "predict": ("ssm", "sagemaker-runtime"),
    "plan_training": ("ssm", "sagemaker", "s3", "dynamodb"),
    "request_training": ("ssm", "s3", "stepfunctions", "sns", "sqs", "dynamodb"),
}
BARE = """
import boto3
from botocore.config import Config
config = Config(connect_timeout=3, read_timeout=15, retries={{"mode": "standard", "total_max_attempts": 4}})
for service in {services!r}: boto3.client(service, config=config)
"""
OURS = """
from {name} import handler
from shared.clients import client
for service in {services!r}: client(service)
"""
MODULES = "from {name} import logic"
KEYS = ("AKIDEXAMPLE", "not-a-secret")
REGION = "us-east-1"
ANSWER = b'{"predictions": [1]}'
BYTECODE, BOTO3_BYTECODE = "our modules from source / with bytecode", "boto3 from source / with bytecode"
PLAIN = "InvokeEndpoint by boto3 / by signed http, median"
LARGEST = "largest bundle, kB"
GOALS = {
    **{f"{name}: cold start / bare boto3": Goal(maximum=1.15) for name in CLIENTS},
    BOTO3_BYTECODE: Goal(minimum=1.25),
    LARGEST: Goal(maximum=100),
}


def measure(rounds: int, calls: int) -> Result:
    """Times in seconds."""
    with tempfile.TemporaryDirectory(prefix="slipway-lambdas-") as folder, model_server() as url:
        bundles = {name: Bundle(Path(folder), name) for name in CLIENTS}
        by_boto3, by_http = _invokers(url)
        assert by_boto3() == by_http() == ANSWER  # noqa: S101
        sides: dict[str, Callable[[], float]] = {}
        for name, bundle in bundles.items():
            sides |= {f"{name} bare": bundle.bare, name: bundle.cold}
        sides |= {"modules, source": bundles["predict"].from_source, "modules": bundles["predict"].with_bytecode}
        sides |= {"boto3, source": _boto3_from_source, "boto3": _boto3}
        sides |= {"invoke": lambda: _median(by_boto3, calls), "http": lambda: _median(by_http, calls)}
        for side in sides.values():
            side()  # files are read once
        largest = max(_bundle_kb(path.parent.name) for path in LAMBDAS.glob("*/handler.py"))
        return summarise(alternate(rounds, sides), lambda run: {**_ratios(run), LARGEST: largest}, GOALS)


class Bundle:
    """A function's folder and `shared`, as deployed; without bytecode, and once more with it."""

    def __init__(self, folder: Path, name: str) -> None:
        self._name = name
        self._source, self._compiled = folder / name / "source", folder / name / "compiled"
        for place in (self._source, self._compiled):
            for part in (name, "shared"):
                shutil.copytree(LAMBDAS / part, place / part, ignore=shutil.ignore_patterns("__pycache__"))
        mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
        compileall.compile_dir(self._compiled, quiet=1, invalidation_mode=mode)

    def bare(self) -> float:
        return _run(BARE.format(services=CLIENTS[self._name]), self._source)

    def cold(self) -> float:
        return _run(OURS.format(name=self._name, services=CLIENTS[self._name]), self._source)

    def from_source(self) -> float:
        return self._modules(self._source)

    def with_bytecode(self) -> float:
        return self._modules(self._compiled)

    def _modules(self, folder: Path) -> float:
        """Without the interpreter's start and boto3, which are the same."""
        timed = f"import time, botocore.exceptions, boto3, uuid\nbegan = time.perf_counter()\n{MODULES}\n"
        code = timed.format(name=self._name) + "print(time.perf_counter() - began)"
        return float(_output(code, folder))


def _run(code: str, folder: Path) -> float:
    return seconds(lambda: _output(code, folder))


def _output(code: str, folder: Path, *options: str) -> str:
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PYTHON"))},
        "PYTHONPATH": str(folder),
        "PYTHONDONTWRITEBYTECODE": "1",  # Lambda's folder of a function cannot be written to
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": KEYS[0],
        "AWS_SECRET_ACCESS_KEY": KEYS[1],
    }
    done = subprocess.run([sys.executable, *options, "-c", code], check=True, env=environment, stdout=subprocess.PIPE)
    return done.stdout.decode()


def _boto3() -> float:
    return _run("import boto3", Path())


def _boto3_from_source() -> float:
    with tempfile.TemporaryDirectory() as empty:
        return seconds(lambda: _output("import boto3", Path(), "-X", f"pycache_prefix={empty}"))


def _bundle_kb(name: str) -> float:
    """The size of the zip that CDK uploads."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bundle.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for part in (name, "shared"):
                for file in sorted((LAMBDAS / part).rglob("*.py")):
                    archive.write(file, str(file.relative_to(LAMBDAS)))
        return path.stat().st_size / 1000


@contextmanager
def model_server() -> Iterator[str]:
    """Answers every signed request; its address."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version, disable_nagle_algorithm = "HTTP/1.1", True

        def log_message(self, *_: Any) -> None:
            pass

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            signed = "AWS4-HMAC-SHA256" in self.headers.get("Authorization", "")
            self.send_response(200 if signed else 403)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(ANSWER)))
            self.end_headers()
            self.wfile.write(ANSWER)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def _invokers(url: str) -> tuple[Callable[[], bytes], Callable[[], bytes]]:
    """InvokeEndpoint by boto3 as `predict` makes it, and by a signed request."""
    body = json.dumps({"instances": [[0.5] * 32]}).encode()
    config = Config(retries={"mode": "standard", "total_max_attempts": 1}, connect_timeout=3, read_timeout=25)
    client = boto3.client(
        "sagemaker-runtime",
        endpoint_url=url,
        region_name=REGION,
        aws_access_key_id=KEYS[0],
        aws_secret_access_key=KEYS[1],
        config=config,
    )
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=25)
    signer = SigV4Auth(Credentials(*KEYS), "sagemaker", REGION)

    def by_boto3() -> bytes:
        answer = client.invoke_endpoint(EndpointName="e", Body=body, ContentType="application/json", InferenceId="i")
        return answer["Body"].read()

    def by_http() -> bytes:
        headers = {"Content-Type": "application/json", "X-Amzn-SageMaker-Inference-Id": "i"}
        request = AWSRequest("POST", f"{url}/endpoints/e/invocations", headers=headers, data=body)
        signer.add_auth(request)
        connection.request("POST", "/endpoints/e/invocations", body=body, headers=dict(request.headers))
        return connection.getresponse().read()

    return by_boto3, by_http


def _median(call: Callable[[], bytes], calls: int) -> float:
    return statistics.median(seconds(call) for _ in range(calls))


def _ratios(run: dict[str, Any]) -> dict[str, float]:
    cold = {f"{name}: cold start / bare boto3": run[name] / run[f"{name} bare"] for name in CLIENTS}
    return {
        **cold,
        BYTECODE: run["modules, source"] / run["modules"],
        BOTO3_BYTECODE: run["boto3, source"] / run["boto3"],
        PLAIN: run["invoke"] / run["http"],
    }


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--calls", type=int, default=300, help="of each side in each round (%(default)s)")


if __name__ == "__main__":
    command("lambdas", __doc__, lambda given: measure(given.rounds, given.calls), rounds=7, add_options=_options)
