"""An embedded cloud with what it takes to host a model: a bucket, a role that may read it, a small server image."""

import io
import json
import sys
import tarfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from localcloud.images.registry import ImageRegistry
from tests.support.embedded_cloud import EmbeddedCloud, allow, eventually, unique

_SECONDS = 60
SERVER = """
import json, os, pathlib, time
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
    def stream(self, words):
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for word in words:
            if word == b"die": os._exit(9)
            self.wfile.write(b"%x\\r\\n%s\\r\\n" % (len(word), word))
            time.sleep(0.2)
        self.wfile.write(b"0\\r\\n\\r\\n")
    def do_GET(self): self.answer(200, b"")
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if body == b"fail": return self.answer(500, b'{"error": "weights exploded"}')
        if body.startswith(b"stream "): return self.stream(body.split()[1:])
        self.answer(200, json.dumps({"model": model, "size": len(body)}).encode())
class Server(ThreadingHTTPServer):
    request_queue_size = 128  # by default 5: the kernel resets some of fifty connections that come at once
Server(("127.0.0.1", int(os.environ["SAGEMAKER_BIND_TO_PORT"])), Handler).serve_forever()
"""


class Hosting:
    """Requests of a test in short. The image of its models is ``tiny-server:1``."""

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

    def config(self, data: str, role: str | None = None, **members: Any) -> str:
        """An endpoint config of a new model; `members` of CreateEndpointConfig."""
        name = unique("config")
        container = {"Image": "tiny-server:1", "ModelDataUrl": data}
        self.sagemaker.create_model(ModelName=name, ExecutionRoleArn=role or self.role, PrimaryContainer=container)
        variant = {
            "VariantName": "primary",
            "ModelName": name,
            "InitialInstanceCount": 1,
            "InstanceType": "ml.m5.large",
        }
        self.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant], **members)
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


def build_server(cloud: EmbeddedCloud, context: Path) -> None:
    """Build the image ``tiny-server:1`` in an empty folder."""
    (context / "Dockerfile").write_text(
        f"FROM python:3.{sys.version_info.minor}\nCOPY serve.py /opt/program/serve.py\n"
        'ENTRYPOINT ["python3", "/opt/program/serve.py"]\n'
    )
    (context / "serve.py").write_text(SERVER)
    registry = ImageRegistry(SimpleNamespace(state_dir=cloud.state_dir, account=cloud.account))
    registry.build(context, context / "Dockerfile", {}, "tiny-server:1")
