"""InvokeEndpoint: from the request to the container's answer, or to an error of the sagemaker-runtime service model."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from localcloud.config import Config
from localcloud.sagemaker.endpoints.fleet import VariantFleet
from localcloud.sagemaker.endpoints.http_client import Answer, BadAnswer, NoConnection
from localcloud.sagemaker.endpoints.instance import Instance
from localcloud.sagemaker.endpoints.metrics import Invocation
from localcloud.sagemaker.endpoints.routing import RouteTable

MAX_BODY_BYTES = 6_291_456  # shape BodyBlob
MODEL_TIMEOUT_SECONDS = 60.0  # "respond to requests within 60 seconds" (SageMaker: custom inference code)

_CUSTOM_ATTRIBUTES = "x-amzn-sagemaker-custom-attributes"
_TARGET_VARIANT = "x-amzn-sagemaker-target-variant"
# Features of other kinds of endpoints: refused, because ignoring them would answer from the wrong model.
_NOT_COVERED = (
    "x-amzn-sagemaker-target-model",
    "x-amzn-sagemaker-target-container-hostname",
    "x-amzn-sagemaker-inference-component",
)
_TO_CONTAINER = (
    "content-type",
    "accept",
    _CUSTOM_ATTRIBUTES,
    "x-amzn-sagemaker-inference-id",
    "x-amzn-sagemaker-session-id",
)
_FROM_CONTAINER = (
    "content-type",
    _CUSTOM_ATTRIBUTES,
    "x-amzn-sagemaker-new-session-id",
    "x-amzn-sagemaker-closed-session-id",
)
_TIMED_OUT = (
    "Your invocation timed out while waiting for a response from container primary. Review the latency metrics for each"
    " container in Amazon CloudWatch, resolve the issue, and try again."
)
_MAX_ORIGINAL_MESSAGE = 2048


class InvocationError(Exception):
    """An error of the service model: `code` is its shape's name; `members` are further members of the body."""

    def __init__(self, status: int, code: str | None, message: str, **members: Any) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.members = status, code, message, members


@dataclass(frozen=True)
class Result:
    """What InvokeEndpoint answers."""

    headers: dict[str, str]
    body: bytes


class Invoker:
    """Sends requests to the instances of one cloud's endpoints. Used from one event loop.

    Args:
        routes: the route table of an endpoint that serves, or None; may wait for one that is being recovered.
        record: takes every invocation that reached a container.
    """

    def __init__(
        self,
        config: Config,
        *,
        routes: Callable[[str], Any],
        record: Callable[[Invocation], None],
        timeout_seconds: float = MODEL_TIMEOUT_SECONDS,
    ) -> None:
        self._config = config
        self._routes = routes
        self._record = record
        self._timeout = timeout_seconds

    async def invoke(self, endpoint: str, headers: Mapping[str, str], body: bytes) -> Result:
        """Args: headers: lower-case names. Raises InvocationError."""
        started = time.perf_counter()
        _check(headers, body)
        table: RouteTable | None = await self._routes(endpoint)
        if table is None:
            raise validation_error(f"Endpoint {endpoint} of account {self._config.account} not found.")
        variant = _choose_variant(table, headers.get(_TARGET_VARIANT), endpoint)
        sent = {name: headers[name] for name in _TO_CONTAINER if name in headers}
        model_started = time.perf_counter()
        status: int | None = None
        try:
            answer = await self._ask(endpoint, variant, sent, body)
            status = answer.status
        finally:
            model_seconds = time.perf_counter() - model_started
            self._note(endpoint, variant, status, model_seconds, time.perf_counter() - started - model_seconds)
        if not 200 <= answer.status < 300:
            message = answer.body[:_MAX_ORIGINAL_MESSAGE].decode("utf-8", errors="replace")
            raise self._model_error(endpoint, answer.status, message)
        received = {name: answer.headers[name] for name in _FROM_CONTAINER if name in answer.headers}
        return Result({**received, "x-Amzn-Invoked-Production-Variant": variant.name}, answer.body)

    async def _ask(self, endpoint: str, variant: VariantFleet, headers: Mapping[str, str], body: bytes) -> Answer:
        """Tries the variant's instances in turn, as long as nothing has been sent to any of them."""
        for _ in range(max(1, len(variant.instances))):
            instance = variant.pick()
            if instance is None:
                break
            try:
                async with asyncio.timeout(self._timeout):
                    return await _send(instance, headers, body)
            except NoConnection:
                instance.ready = False  # its watcher makes it ready again
            except BadAnswer as error:
                reason = f"An error occurred while handling request as the model process exited. ({error})"
                raise self._model_error(endpoint, 0, reason) from error
            except TimeoutError as error:
                raise self._model_error(endpoint, 0, _TIMED_OUT) from error
        raise InvocationError(
            503, "ServiceUnavailable", f"No instance of variant {variant.name} is in service. Try again."
        )

    def _note(
        self, endpoint: str, variant: VariantFleet, status: int | None, model_seconds: float, overhead_seconds: float
    ) -> None:
        self._record(
            Invocation(
                endpoint=endpoint,
                variant=variant.name,
                model_status=status,
                model_seconds=model_seconds,
                overhead_seconds=overhead_seconds,
                timestamp=time.time(),
                instances=max(1, len(variant.instances)),
            )
        )

    def _model_error(self, endpoint: str, status: int, message: str) -> InvocationError:
        group = f"/aws/sagemaker/Endpoints/{endpoint}"
        account, region = self._config.account, self._config.region
        kind = "client" if 400 <= status < 500 else "server"
        text = (
            f'Received {kind} error ({status}) from primary with message "{message}". See the CloudWatch log group'
            f" {group} in account {account} for more information."
        )
        return InvocationError(
            424,
            "ModelError",
            text,
            OriginalStatusCode=status,
            OriginalMessage=message,
            LogStreamArn=f"arn:aws:logs:{region}:{account}:log-group:{group}",
        )


def validation_error(message: str) -> InvocationError:
    return InvocationError(400, "ValidationError", message)


async def _send(instance: Instance, headers: Mapping[str, str], body: bytes) -> Answer:
    instance.in_flight += 1
    try:
        return await instance.client.request("POST", "/invocations", headers, body)
    finally:
        instance.in_flight -= 1


def _choose_variant(table: RouteTable, target: str | None, endpoint: str) -> VariantFleet:
    variant = table.choose(target)
    if variant is None and target is not None:
        raise validation_error(f"Variant {target} not found for endpoint {endpoint}.")
    if variant is None:
        raise validation_error(f"Every production variant of endpoint {endpoint} has weight 0; name a TargetVariant.")
    return variant


def _check(headers: Mapping[str, str], body: bytes) -> None:
    if len(body) > MAX_BODY_BYTES:
        raise InvocationError(413, None, f"HTTP content length exceeded {MAX_BODY_BYTES} bytes.")
    for name in _NOT_COVERED:
        if name in headers:
            raise validation_error(f"The embedded cloud does not cover the header {name}; the endpoint has one model.")
    for name in _TO_CONTAINER:
        value = headers.get(name, "")
        if len(value) > 1024 or not value.isascii() or not (value.isprintable() or value == ""):
            raise validation_error(
                f"1 validation error detected: Value at '{name}' failed to satisfy constraint: Member must have length"
                " less than or equal to 1024 and be printable ASCII"
            )
