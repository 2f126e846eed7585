"""What a person may do to the embedded cloud that no AWS API can do: the faults that AWS's machines have by themselves.

    POST /_localcloud/training-jobs/{name}/interruptions    {"capacity_after_seconds": 0}
    POST /_localcloud/training-jobs/{name}/internal-errors  {}
    POST /_localcloud/endpoints/{name}/maintenances         {}
    POST /_localcloud/functions/{name}/crashes              {}
    POST /_localcloud/throttlings                           {"share": 0.3, "seconds": 60}

answer 204, or 409 with {"message"}. They take `Authorization: Bearer <secret access key>`: loopback is open to every
web page that a browser of this machine shows.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import math
import re
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

from localcloud.config import Config
from localcloud.sagemaker.endpoints.record import MaintenanceRefused
from localcloud.sagemaker.endpoints.supervisor import EndpointSupervisor
from localcloud.sagemaker.jobs.disruption import DisruptionRefused
from localcloud.sagemaker.jobs.supervisor import JobSupervisor

PREFIX = "/_localcloud/"
_NAME = "[A-Za-z0-9-]{1,63}"
_FUNCTION = "[A-Za-z0-9-_]{1,64}"
_PATH = re.compile(
    rf"{PREFIX}(?:training-jobs/(?P<job>{_NAME})/(?P<fault>interruptions|internal-errors)"
    rf"|endpoints/(?P<endpoint>{_NAME})/maintenances|functions/(?P<function>{_FUNCTION})/crashes|(?P<throttle>throttlings))"
)
_NUMBERS = {
    "interruptions": {"capacity_after_seconds": (0.0, math.inf)},
    "throttlings": {"share": (1.0, 1.0), "seconds": (60.0, math.inf)},
}
"""Kind of fault -> the numbers that its request may have: (where it has none, the largest)."""
_MAX_BODY = 4096
_TIMEOUT_SECONDS = 10


class Administration:
    """The ASGI application behind `PREFIX`."""

    def __init__(
        self,
        config: Config,
        jobs: JobSupervisor,
        endpoints: EndpointSupervisor,
        *,
        crash: Callable[[str], None],
        throttle: Callable[[float, float], None],
    ) -> None:
        self._token = f"Bearer {config.secret_access_key}".encode()
        self._jobs, self._endpoints = jobs, endpoints
        self._crash, self._throttle = crash, throttle

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        status, message = await self._handle(scope, receive)
        body = json.dumps({"message": message}).encode() if message else b""
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _handle(self, scope: dict[str, Any], receive: Any) -> tuple[int, str]:
        given = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
        if not hmac.compare_digest(given, self._token):
            return 401, "the secret access key is needed"
        match = _PATH.fullmatch(scope["path"])
        if match is None or scope["method"] != "POST":
            return 404, f"nothing at {scope['method']} {scope['path']}"
        try:
            numbers = _numbers(await _read(receive), match["throttle"] or match["fault"])
            await asyncio.to_thread(self._perform, match, numbers)
        except ValueError as error:
            return 400, str(error)
        except DisruptionRefused as error:
            return 409, f"The training job {match['job']} cannot be disrupted: {error}"
        except MaintenanceRefused as error:
            return 409, f"The endpoint {match['endpoint']} cannot be maintained: {error}"
        return 204, ""

    def _perform(self, match: re.Match[str], numbers: dict[str, float]) -> None:
        if match["throttle"]:
            self._throttle(**numbers)
        elif match["function"]:
            self._crash(match["function"])
        elif match["endpoint"]:
            self._endpoints.maintain(match["endpoint"])
        elif match["fault"] == "interruptions":
            self._jobs.interrupt(match["job"], numbers["capacity_after_seconds"])
        else:
            self._jobs.lose_instance(match["job"])


class AdministrationError(Exception):
    """The embedded cloud refused; the message is its own."""


def request(description: dict[str, Any], path: str, document: dict[str, Any]) -> None:
    """Send one request to the cloud that `lifecycle.status` described. Raises AdministrationError, URLError."""
    message = urllib.request.Request(  # noqa: S310  (the cloud's own address on loopback)
        description["endpoint_url"] + path,
        data=json.dumps(document).encode(),
        headers={"Authorization": f"Bearer {description['secret_access_key']}"},
        method="POST",
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        opener.open(message, timeout=_TIMEOUT_SECONDS).close()
    except urllib.error.HTTPError as error:
        with error:
            raise AdministrationError(json.load(error)["message"]) from error


def _numbers(body: bytes, fault: str | None) -> dict[str, float]:
    """The numbers of a request. Raises ValueError for one that its fault does not have, or that is out of range."""
    allowed = _NUMBERS.get(fault or "", {})
    document = json.loads(body or b"{}")
    if not isinstance(document, dict) or document.keys() - allowed.keys():
        raise ValueError(f"the body may have these members only: {', '.join(allowed) or 'none'}")
    return {name: _number(name, document.get(name, default), most) for name, (default, most) in allowed.items()}


def _number(name: str, value: Any, most: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most or value == math.inf:
        raise ValueError(f"{name} is {value!r}; it must be a number from 0" + (f" to {most:g}" if most < 2 else ""))
    return float(value)


async def _read(receive: Any) -> bytes:
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > _MAX_BODY:
            raise ValueError(f"the body is larger than {_MAX_BODY} bytes")
        if not message.get("more_body"):
            return body
