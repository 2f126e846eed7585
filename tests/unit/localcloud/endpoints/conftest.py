"""A supervisor with a real store and real server processes; no other service is needed for models without data."""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from localcloud.config import Config
from localcloud.sagemaker.endpoints import deployment
from localcloud.sagemaker.endpoints import supervisor as supervisor_module
from localcloud.sagemaker.endpoints.deployment import RolledBack
from localcloud.sagemaker.endpoints.supervisor import EndpointSupervisor
from localcloud.sagemaker.store import Store
from tests.support.process_image import ProcessImages

_LIMIT = 60.0

# GET /ping 200; POST /invocations answers with what it got, or does what the body asks for.
SERVER = """
import json, os, sys, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
class Handler(BaseHTTPRequestHandler):
    protocol_version, disable_nagle_algorithm = "HTTP/1.1", True
    def log_message(self, *arguments): pass
    def answer(self, status, body, headers={}):
        self.send_response(status)
        for name, value in headers.items(): self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def do_GET(self): self.answer(200 if self.path == "/ping" else 404, b"")
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if body == b"die": os._exit(9)
        if body.startswith(b"status "): return self.answer(int(body.split()[1]), b'{"error": "as asked"}')
        if body.startswith(b"stream "):
            self.send_response(200)
            self.send_header("Content-Type", "text/plain")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for word in body.split()[1:]:
                if word == b"die": os._exit(9)
                self.wfile.write(b"%x\\r\\n%s\\r\\n" % (len(word), word))
                self.wfile.flush()
                time.sleep(0.05)
            self.wfile.write(b"0\\r\\n\\r\\n")
            return
        if body.startswith(b"sleep "): time.sleep(float(body.split()[1]))
        seen = {name.lower(): value for name, value in self.headers.items()}
        text = json.dumps({"path": self.path, "name": os.environ.get("NAME"), "pid": os.getpid(), "headers": seen,
                           "size": len(body), "argv": sys.argv[1:]})
        session = {}
        if seen.get("x-amzn-sagemaker-session-id") == "NEW_SESSION":
            session = {"X-Amzn-SageMaker-New-Session-Id": f"s{os.getpid()}; Expires=2030-01-01T00:00:00Z"}
        if body == b"close": session = {"X-Amzn-SageMaker-Closed-Session-Id": seen["x-amzn-sagemaker-session-id"]}
        self.answer(200, text.encode(), session | {"Content-Type": "application/json",
                    "X-Amzn-SageMaker-Custom-Attributes": "model_version=" + os.environ.get("NAME", "")})
ThreadingHTTPServer.request_queue_size = 128
ThreadingHTTPServer(("127.0.0.1", int(os.environ["SAGEMAKER_BIND_TO_PORT"])), Handler).serve_forever()
"""


class Alarms:
    """The alarms of an account; `state` maps names to states, `role` is the last one that asked."""

    def __init__(self) -> None:
        self.state: dict[str, str] = {}
        self.role: str | None = None

    def check(self, names: Sequence[str], role_arn: str | None) -> None:
        self.role = role_arn
        for name in names:
            if self.state.get(name) == "ALARM":
                raise RolledBack(f"[{name}] rings")


@dataclass
class Endpoints:
    """What a test says to the control plane, in short."""

    config: Config
    store: Store
    images: ProcessImages
    supervisor: EndpointSupervisor
    loop: asyncio.Runner
    alarms: Alarms

    def new_supervisor(self) -> EndpointSupervisor:
        """One as after a restart."""
        return EndpointSupervisor(self.config, self.store, self.images, alarms=self.alarms)

    def put_config(self, name: str, **variants: dict[str, Any]) -> None:
        """An endpoint config; for each variant `image`, `shadow`, and members of ProductionVariant."""
        production, shadows = [], []
        for variant, members in variants.items():
            listed = shadows if members.pop("shadow", False) else production
            model, image = f"{name}-{variant}", members.pop("image", "server")
            container = {"Image": image, "Environment": {"NAME": model}}
            self.store.create("model", model, {"ModelName": model, "PrimaryContainer": container, "CreationTime": 1.0})
            listed.append({"VariantName": variant, "ModelName": model, "InitialInstanceCount": 1, **members})
        document = {"EndpointConfigName": name, "ProductionVariants": production, "CreationTime": 1.0}
        if shadows:
            document["ShadowProductionVariants"] = shadows
        self.store.create("endpoint-config", name, document)

    def create(self, config: str, name: str = "e") -> dict[str, Any]:
        target = self.store.get("endpoint-config", config)
        document = {"EndpointName": name, "EndpointConfigName": config, "EndpointStatus": "Creating"}
        self.store.create("endpoint", name, {**document, "CreationTime": 1.0, "_TargetConfig": target})
        self.supervisor.create(name)
        return self.settled(name)

    def update(self, config: str, name: str = "e", deployment: dict | None = None, **members: Any) -> None:
        target = self.store.get("endpoint-config", config)

        def change(document: dict) -> None:
            pending = {"EndpointConfigName": config, "StartTime": 1.0}
            document |= {"EndpointStatus": "Updating", "_TargetConfig": target, "PendingDeploymentSummary": pending}
            document |= members | ({"_DeploymentConfig": deployment} if deployment else {})

        self.store.update("endpoint", name, change)
        self.supervisor.update(name)

    def settled(self, name: str = "e") -> dict[str, Any]:
        """The document as soon as nothing is under way."""
        ends = ("InService", "Failed", "UpdateRollbackFailed")
        until(lambda: self.store.get("endpoint", name)["EndpointStatus"] in ends)
        return self.store.get("endpoint", name)

    def invoke(self, body: bytes = b"{}", name: str = "e", **headers: str):
        sent = {header.replace("_", "-"): value for header, value in headers.items()}
        return self.loop.run(self.supervisor.invoke(name, sent, body))


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _LIMIT
    while not condition():
        assert time.monotonic() < deadline, "did not happen"
        time.sleep(0.02)


@pytest.fixture
def endpoints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Endpoints]:
    monkeypatch.setattr(supervisor_module, "_METRICS_SECONDS", 0.0)  # there is no CloudWatch to wait for
    monkeypatch.setattr(deployment, "_ALARM_INTERVAL_SECONDS", 0.1)
    config = Config(state_dir=tmp_path / "state", port=4630, secret_access_key="none")  # noqa: S106
    store = Store(tmp_path / "state/store.sqlite")
    images = ProcessImages()
    images.add("server", SERVER)
    alarms = Alarms()
    supervisor = EndpointSupervisor(config, store, images, alarms=alarms)
    with asyncio.Runner() as loop:
        yield Endpoints(config, store, images, supervisor, loop, alarms)
    supervisor.shutdown()
    store.close()
