"""A loopback server that real boto3 clients talk to, where a test needs an answer that the embedded cloud cannot be
made to give
(a throttle, a model's own error, a paging boundary): real requests, real parsing of answers, real retries.

Operations of the JSON protocols are Python functions by target (`SageMaker.DescribeEndpoint`); InvokeEndpoint has a
function of
its own. An operation that the test has not set up is answered with `UnknownOperation`, which fails the test.
"""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.sax.saxutils import escape

Operation = Callable[[dict[str, Any]], dict[str, Any]]


class ServiceError(Exception):
    """Raised by an operation: becomes the service's error answer."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code, self.status = code, status


def no_endpoint(request: dict[str, Any]) -> dict[str, Any]:
    """DescribeEndpoint before the first rollout."""
    raise ServiceError("ValidationException", f'Could not find endpoint "{request["EndpointName"]}".')


@dataclass(frozen=True, kw_only=True)
class Invocation:
    """InvokeEndpoint's answer on the wire."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b"{}"


@dataclass
class LoopbackAws:
    url: str
    operations: dict[str, Operation] = field(default_factory=dict)
    invoke: Callable[[str, bytes, dict[str, str]], Invocation] | None = None
    objects: set[str] = field(default_factory=set)
    """What ListObjectsV2 lists: `bucket/key`."""
    calls: list[tuple[str, Any]] = field(default_factory=list)
    """(target, parameters) of every request, in order; for InvokeEndpoint ("InvokeEndpoint", (endpoint, body,
    headers)).
    """

    def called(self, target: str) -> list[Any]:
        return [parameters for name, parameters in self.calls if name == target]


@contextmanager
def serve() -> Iterator[LoopbackAws]:
    """A server on a free loopback port, gone at the end."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    aws = LoopbackAws(url=f"http://127.0.0.1:{server.server_port}")
    server.aws = aws  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield aws
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=5)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path.startswith("/endpoints/"):
            self._invoke(self.path.split("/")[2], body)
        else:
            self._operate(self.headers.get("X-Amz-Target", ""), json.loads(body or b"{}"))

    def do_GET(self) -> None:
        """ListObjectsV2."""
        aws: LoopbackAws = self.server.aws  # type: ignore[attr-defined]
        url = urlsplit(self.path)
        bucket, prefix = url.path.strip("/"), parse_qs(url.query)["prefix"][0]
        keys = [one.removeprefix(f"{bucket}/") for one in sorted(aws.objects) if one.startswith(f"{bucket}/{prefix}")]
        contents = "".join(f"<Contents><Key>{escape(key)}</Key></Contents>" for key in keys)
        body = f"<ListBucketResult>{contents}</ListBucketResult>"
        self._send(200, body.encode(), {"Content-Type": "application/xml"})

    def _invoke(self, endpoint: str, body: bytes) -> None:
        aws: LoopbackAws = self.server.aws  # type: ignore[attr-defined]
        headers = dict(self.headers.items())
        aws.calls.append(("InvokeEndpoint", (endpoint, body, headers)))
        answer = aws.invoke(endpoint, body, headers) if aws.invoke else Invocation(status=400, body=b"no invoke set up")
        self._send(answer.status, answer.body, {"Content-Type": "application/json", **answer.headers})

    def _operate(self, target: str, parameters: dict[str, Any]) -> None:
        aws: LoopbackAws = self.server.aws  # type: ignore[attr-defined]
        aws.calls.append((target, parameters))
        try:
            if target not in aws.operations:
                raise ServiceError("UnknownOperation", f"{target} is not set up in this test")
            status, document = 200, aws.operations[target](parameters)
        except ServiceError as error:
            status, document = error.status, {"__type": error.code, "message": str(error)}
        self._send(status, json.dumps(document).encode(), {"Content-Type": "application/x-amz-json-1.1"})

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Silence: a test says what it needs to say."""
