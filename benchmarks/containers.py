"""What the embedded cloud runs in the benchmark: a one-line training job and a tiny model server, and both by hand."""

from __future__ import annotations

import http.client
import io
import json
import subprocess
import sys
import tarfile
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from benchmarks.clouds import LIMIT_SECONDS, Server
from localcloud.images import ImageRegistry

POLL_SECONDS = 0.02
BUCKET = "benchmark"
# The first line tells when it ran.
FIRST_LINE = "import time; print(time.time(), flush=True)\n"
# A model server that does nothing, so that what is measured is the way to it. It tells its port.
MODEL_SERVER = """
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
port = os.environ["SAGEMAKER_BIND_TO_PORT"]
class Handler(BaseHTTPRequestHandler):
    protocol_version, disable_nagle_algorithm = "HTTP/1.1", True
    def log_message(self, *arguments): pass
    def answer(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(port)))
        self.end_headers()
        self.wfile.write(port.encode())
    do_GET = do_POST = answer
ThreadingHTTPServer(("127.0.0.1", int(port)), Handler).serve_forever()
"""


class Containers:
    """An image with both programs, and a role."""

    def __init__(self, server: Server, state: Path, work: Path) -> None:
        self._server = server
        self._numbers = iter(range(10**6))
        self._program = work / "first_line.py"
        self._program.write_text(FIRST_LINE)
        (work / "serve.py").write_text(MODEL_SERVER)
        (work / "Dockerfile").write_text(
            f"FROM python:3.{sys.version_info.minor}\nCOPY first_line.py serve.py /opt/program/\n"
            'ENTRYPOINT ["python3", "/opt/program/serve.py"]\n'
        )
        registry = ImageRegistry(SimpleNamespace(state_dir=state, account="000000000000"))
        registry.build(work, work / "Dockerfile", {}, "benchmark:1")
        self.role = self._create_role()
        server.client("s3").create_bucket(Bucket=BUCKET)

    def job_start_seconds(self) -> float:
        """CreateTrainingJob (the call itself included) to the first line of the script."""
        name = f"started-{next(self._numbers)}"
        before = time.time()
        self._server.client("sagemaker").create_training_job(**training_job(name, self.role, "first_line.py"))
        self._await("describe_training_job", {"TrainingJobName": name}, "TrainingJobStatus", "Completed")
        return float(self._first_message(name)) - before

    def script_start_seconds(self) -> float:
        """The same script, by hand."""
        before = time.time()
        done = subprocess.run([sys.executable, self._program], check=True, stdout=subprocess.PIPE, text=True)
        return float(done.stdout) - before

    def endpoint(self) -> str:
        """The name of an endpoint of one instance, in service."""
        name, sagemaker = f"endpoint-{next(self._numbers)}", self._server.client("sagemaker")
        self._server.client("s3").put_object(Bucket=BUCKET, Key="model.tar.gz", Body=empty_archive())
        container = {"Image": "benchmark:1", "ModelDataUrl": f"s3://{BUCKET}/model.tar.gz"}
        sagemaker.create_model(ModelName=name, ExecutionRoleArn=self.role, PrimaryContainer=container)
        variant = {"VariantName": "primary", "ModelName": name, "InitialInstanceCount": 1}
        variant["InstanceType"] = "ml.m5.large"
        sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
        sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
        self._await("describe_endpoint", {"EndpointName": name}, "EndpointStatus", "InService")
        return name

    def invocations(self, endpoint: str, count: int) -> dict[str, list[float]]:
        """Seconds of each InvokeEndpoint by boto3, and of each request to the model server itself, in turns.

        Each side keeps its one connection.
        """
        runtime = self._server.client("sagemaker-runtime")

        def invoke() -> bytes:
            return runtime.invoke_endpoint(EndpointName=endpoint, Body=b"{}")["Body"].read()

        connection = http.client.HTTPConnection("127.0.0.1", int(invoke()), timeout=LIMIT_SECONDS)

        def call() -> None:
            connection.request("POST", "/invocations", body=b"{}")
            connection.getresponse().read()

        try:
            call()
            pairs = [(seconds(invoke), seconds(call)) for _ in range(count)]
        finally:
            connection.close()
        return {"endpoint": [pair[0] for pair in pairs], "direct": [pair[1] for pair in pairs]}

    def _create_role(self) -> str:
        iam = self._server.client("iam")
        trust = {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}
        allowed = {"Effect": "Allow", "Action": ["s3:*", "logs:*", "cloudwatch:PutMetricData"], "Resource": "*"}
        role = iam.create_role(RoleName="benchmark", AssumeRolePolicyDocument=_policy(trust))["Role"]
        iam.put_role_policy(RoleName="benchmark", PolicyName="all", PolicyDocument=_policy(allowed))
        return role["Arn"]

    def _first_message(self, job: str) -> str:
        logs, group = self._server.client("logs"), "/aws/sagemaker/TrainingJobs"
        streams = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=f"{job}/")["logStreams"]
        stream = streams[0]["logStreamName"]
        return logs.get_log_events(logGroupName=group, logStreamName=stream, startFromHead=True)["events"][0]["message"]

    def _await(self, describe: str, request: dict[str, str], member: str, wanted: str) -> None:
        call = getattr(self._server.client("sagemaker"), describe)
        deadline = time.monotonic() + LIMIT_SECONDS
        while (found := call(**request))[member] != wanted:
            if found[member] == "Failed" or time.monotonic() > deadline:
                raise RuntimeError(f"{request} is {found[member]}: {found.get('FailureReason')}")
            time.sleep(POLL_SECONDS)


def training_job(name: str, role: str, program: str) -> dict[str, Any]:
    """A request without channels."""
    return {
        "TrainingJobName": name,
        "RoleArn": role,
        "AlgorithmSpecification": {
            "TrainingImage": "benchmark:1",
            "TrainingInputMode": "File",
            "ContainerEntrypoint": ["python3", f"/opt/program/{program}"],
        },
        "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/output"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        "StoppingCondition": {"MaxRuntimeInSeconds": 300},
    }


def seconds(action: Any) -> float:
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def _policy(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def empty_archive() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz"):
        pass
    return buffer.getvalue()
