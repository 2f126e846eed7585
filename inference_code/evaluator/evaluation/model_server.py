"""The image's `serve`, as SageMaker runs and asks it (SageMaker: custom inference code)."""

from __future__ import annotations

import contextlib
import csv
import http.client
import ipaddress
import json
import os
import shutil
import signal
import socket
import subprocess
import time
from types import TracebackType

STARTUP_SECONDS = 600.0
_PING_SECONDS = 2.0
_ANSWER_SECONDS = 60.0
_GRACE_SECONDS = 30.0
_POLL_SECONDS = 0.05
_HOST, _PORT = str(ipaddress.IPv4Address(socket.INADDR_LOOPBACK)), 8080
_MAX_ANSWER_BYTES = 6 * 1024 * 1024


class ServerFailed(RuntimeError):
    """The server did not start, or gave an answer that is none. The message says which."""


class ModelServer:
    """Runs `serve` while the block lasts; the model lies in `/opt/ml/model`. Raises ServerFailed."""

    def __init__(self, *, startup_seconds: float = STARTUP_SECONDS) -> None:
        program = shutil.which("serve")
        if program is None:
            raise ServerFailed(f"the image has no program `serve` on its PATH ({os.environ.get('PATH')})")
        self._port = _port()
        self._startup_seconds = startup_seconds
        environment = {**os.environ, "SAGEMAKER_BIND_TO_PORT": str(self._port)}
        # SageMaker gives the argument to the image's entry point; a program of that name gets none.
        self._process = subprocess.Popen([program], env=environment, start_new_session=True)  # noqa: S603

    def __enter__(self) -> ModelServer:
        try:
            self._await_health()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._end()

    def predict(self, body: str, count: int) -> list[str]:
        """The answers to a CSV body of `count` rows. Raises ServerFailed."""
        headers = {"Content-Type": "text/csv", "Accept": "text/csv"}
        status, kind, answer = self._request("POST", "/invocations", _ANSWER_SECONDS, body.encode(), headers)
        if status != 200:
            raise ServerFailed(f"POST /invocations was answered with {status}: {answer[:500]}")
        found = _predictions(kind, answer)
        if len(found) != count:
            raise ServerFailed(f"{count} rows were sent to /invocations, its answer has {len(found)} predictions")
        return found

    def _await_health(self) -> None:
        deadline = time.monotonic() + self._startup_seconds
        while not self._healthy():
            code = self._process.poll()
            if code is not None:
                raise ServerFailed(
                    f"`serve` ended with exit code {code} before it answered GET /ping; see the job's log"
                )
            if time.monotonic() > deadline:
                raise ServerFailed(
                    f"GET /ping on port {self._port} was not answered with 200 within {self._startup_seconds:g} s"
                )
            time.sleep(_POLL_SECONDS)

    def _healthy(self) -> bool:
        try:
            return self._request("GET", "/ping", _PING_SECONDS)[0] == 200
        except (OSError, http.client.HTTPException):
            return False

    def _request(
        self, method: str, path: str, timeout: float, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, str, str]:
        connection = http.client.HTTPConnection(_HOST, self._port, timeout=timeout)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            text = answer.read(_MAX_ANSWER_BYTES).decode("utf-8", "replace")
            return answer.status, answer.headers.get_content_type(), text
        finally:
            connection.close()

    def _end(self) -> None:
        """SIGTERM, the grace, then the end of whatever it has started."""
        self._process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_GRACE_SECONDS)
        with contextlib.suppress(ProcessLookupError):  # it has left nothing behind
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


def _predictions(kind: str, answer: str) -> list[str]:
    if kind != "application/json":
        return [row[0].strip() for row in csv.reader(answer.splitlines()) if row]
    try:
        document = json.loads(answer)
    except ValueError as error:
        raise ServerFailed(f"the answer of /invocations is not JSON: {error}") from error
    found = document.get("predictions") if isinstance(document, dict) else document
    if not isinstance(found, list) or any(isinstance(value, (dict, list)) for value in found):
        raise ServerFailed("the JSON answer of /invocations has no list of plain values in 'predictions'")
    return [str(value) for value in found]


def _port() -> int:
    """8080, which every image serves on; where another has it (no network of the job's own), a free one, which the
    image has to take from SAGEMAKER_BIND_TO_PORT.
    """
    for wanted in (_PORT, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((_HOST, wanted))
            except OSError:
                continue
            return probe.getsockname()[1]
    raise ServerFailed("there is no free port")
