"""InvokeEndpoint and InvokeEndpointWithResponseStream: from the request to the container's answer, or to an error."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from localcloud.config import Config
from localcloud.sagemaker.endpoints.errors import (
    MAX_ORIGINAL_MESSAGE,
    TIMED_OUT,
    InvocationError,
    exited,
    model_error,
    unavailable,
    validation_error,
)
from localcloud.sagemaker.endpoints.fleet import VariantFleet
from localcloud.sagemaker.endpoints.http_client import BadAnswer, NoConnection, OpenAnswer
from localcloud.sagemaker.endpoints.instance import Instance
from localcloud.sagemaker.endpoints.metrics import Invocation
from localcloud.sagemaker.endpoints.model_data import ModelDataError
from localcloud.sagemaker.endpoints.multi_model import LoadRefused
from localcloud.sagemaker.endpoints.request_headers import (
    TARGET_MODEL,
    TARGET_VARIANT,
    check,
    from_container,
    to_container,
)
from localcloud.sagemaker.endpoints.routing import RouteTable
from localcloud.sagemaker.endpoints.sessions import Sessions
from localcloud.sagemaker.endpoints.shadow import Mirror

__all__ = ["MODEL_TIMEOUT_SECONDS", "InvocationError", "Invoker", "Result", "StreamedResult", "validation_error"]

MODEL_TIMEOUT_SECONDS = 60.0  # "respond to requests within 60 seconds" (SageMaker: custom inference code)
STREAM_TIMEOUT_SECONDS = 480.0  # "8 minutes" for streaming responses (SageMaker AI endpoints and quotas)


@dataclass(frozen=True)
class Result:
    """What InvokeEndpoint answers."""

    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class StreamedResult:
    """What InvokeEndpointWithResponseStream answers; the parts have to be taken to their end.

    A part that is an InvocationError is the last one; its code is that of an exception of ResponseStream.
    """

    headers: dict[str, str]
    parts: AsyncGenerator[bytes | InvocationError, None]


@dataclass
class _Exchange:
    """One request on its way through one instance, which it holds."""

    endpoint: str
    variant: VariantFleet
    instance: Instance | None
    started: float
    sent: float = field(default_factory=time.perf_counter)
    answer: OpenAnswer | None = None
    model_status: int | None = None


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
        routes: Callable[[str], Awaitable[RouteTable | None]],
        record: Callable[[Invocation], None],
        timeout_seconds: float = MODEL_TIMEOUT_SECONDS,
    ) -> None:
        self._config = config
        self._routes = routes
        self._record = record
        self._timeout = timeout_seconds
        self._mirror = Mirror(record)
        self._sessions = Sessions()

    async def invoke(self, endpoint: str, headers: Mapping[str, str], body: bytes) -> Result:
        """Args: headers: lower-case names. Raises InvocationError."""
        exchange = await self._acquire(endpoint, headers, body)
        try:
            async with asyncio.timeout(self._timeout):
                answer = await self._open(exchange, headers, body)
                payload = await answer.read()
            exchange.model_status = answer.status
        except (BadAnswer, TimeoutError) as error:
            raise self._no_answer(endpoint, error) from error
        finally:
            self._finish(exchange)
        if not 200 <= answer.status < 300:
            raise self._refused(endpoint, answer.status, payload)
        exchange.variant.capture_inference(headers, body, answer.headers.get("content-type", ""), payload)
        return Result({**from_container(answer.headers), **_invoked(exchange)}, payload)

    async def invoke_streaming(self, endpoint: str, headers: Mapping[str, str], body: bytes) -> StreamedResult:
        """The answer in parts, as the container sends them. Args: as `invoke`. Raises InvocationError."""
        exchange = await self._acquire(endpoint, headers, body)
        streaming = False
        try:
            async with asyncio.timeout(self._timeout):
                answer = await self._open(exchange, headers, body)
                if not 200 <= answer.status < 300:
                    exchange.model_status = answer.status
                    raise self._refused(endpoint, answer.status, await answer.read())
            streaming = True
        except (BadAnswer, TimeoutError) as error:
            raise self._no_answer(endpoint, error) from error
        finally:
            if not streaming:
                self._finish(exchange)
        return StreamedResult({**from_container(answer.headers), **_invoked(exchange)}, self._parts(exchange, answer))

    async def _parts(self, exchange: _Exchange, answer: OpenAnswer) -> AsyncGenerator[bytes | InvocationError, None]:
        try:
            async with asyncio.timeout(STREAM_TIMEOUT_SECONDS):
                async for chunk in answer.chunks():
                    yield chunk
            exchange.model_status = answer.status
        except TimeoutError:
            yield InvocationError(424, "ModelStreamError", TIMED_OUT, ErrorCode="ModelInvocationTimeExceeded")
        except BadAnswer as error:
            yield InvocationError(424, "ModelStreamError", exited(error), ErrorCode="StreamBroken")
        finally:
            self._finish(exchange)

    async def _acquire(self, endpoint: str, headers: Mapping[str, str], body: bytes) -> _Exchange:
        """Holds an instance for the request. Raises InvocationError."""
        started = time.perf_counter()
        check(headers, body)
        table = await self._routes(endpoint)
        holder = self._sessions.acquire(endpoint, headers, table)
        if holder is not None:
            return _Exchange(endpoint, *holder, started)
        while table is not None:
            variant = _choose_variant(table, headers.get(TARGET_VARIANT), endpoint)
            _check_target_model(variant, headers.get(TARGET_MODEL), endpoint)
            await variant.admit(len(body))
            instance = variant.pick()
            if instance is not None:
                self._mirror.send(endpoint, variant, to_container(headers), body)
                return _Exchange(endpoint, variant, instance, started)
            before, table = table, await self._routes(endpoint)
            if table is before:  # not that these instances have just made way for others
                self._note(_Exchange(endpoint, variant, instance, started))
                raise unavailable(variant.name)
        raise validation_error(f"Endpoint {endpoint} of account {self._config.account} not found.")

    async def _open(self, exchange: _Exchange, headers: Mapping[str, str], body: bytes) -> OpenAnswer:
        """Tries the variant's instances in turn, as long as nothing has been sent to any of them."""
        while True:
            try:
                client, path = exchange.instance.client, await self._path(exchange, headers)
                answer = exchange.answer = await client.open("POST", path, to_container(headers), body)
                self._sessions.note(exchange.endpoint, exchange.variant, exchange.instance, answer.headers)
                return answer
            except NoConnection as error:
                exchange.instance.ready = False  # its watcher makes it ready again
                other = exchange.variant.pick()
                if other is None:
                    raise unavailable(exchange.variant.name) from error
                exchange.instance.release()
                exchange.instance = other

    async def _path(self, exchange: _Exchange, headers: Mapping[str, str]) -> str:
        """Where the container takes the request. Raises InvocationError, NoConnection, BadAnswer."""
        models = exchange.instance.models
        if models is None:
            return "/invocations"
        # Once more, since the requests of a session come here without a choice of variant.
        _check_target_model(exchange.variant, headers.get(TARGET_MODEL), exchange.endpoint)
        try:
            return await models.path(headers[TARGET_MODEL])
        except ModelDataError as error:
            raise validation_error(str(error)) from error
        except LoadRefused as refused:
            exchange.model_status = refused.status
            raise self._refused(exchange.endpoint, refused.status, refused.body) from refused

    def _finish(self, exchange: _Exchange) -> None:
        if exchange.answer is not None:
            exchange.answer.close()
        exchange.instance.release()
        self._note(exchange)

    def _note(self, exchange: _Exchange) -> None:
        self._record(
            Invocation(
                endpoint=exchange.endpoint,
                variant=exchange.variant.name,
                model_status=exchange.model_status,
                model_seconds=time.perf_counter() - exchange.sent,
                overhead_seconds=exchange.sent - exchange.started,
                timestamp=time.time(),
                instances=max(1, len(exchange.variant.instances)),
            )
        )

    def _no_answer(self, endpoint: str, error: Exception) -> InvocationError:
        return model_error(self._config, endpoint, 0, TIMED_OUT if isinstance(error, TimeoutError) else exited(error))

    def _refused(self, endpoint: str, status: int, payload: bytes) -> InvocationError:
        message = payload[:MAX_ORIGINAL_MESSAGE].decode("utf-8", errors="replace")
        return model_error(self._config, endpoint, status, message)


def _invoked(exchange: _Exchange) -> dict[str, str]:
    return {"x-Amzn-Invoked-Production-Variant": exchange.variant.name}


def _check_target_model(variant: VariantFleet, target: str | None, endpoint: str) -> None:
    if variant.spec.multi_model and not target:
        raise validation_error(f"Endpoint {endpoint} has several models: name one in TargetModel.")
    if target and not variant.spec.multi_model:
        raise validation_error(
            f"The endpoint does not take the header {TARGET_MODEL} ('{target}'): it has no multi-model container."
        )


def _choose_variant(table: RouteTable, target: str | None, endpoint: str) -> VariantFleet:
    variant = table.choose(target)
    if variant is None and target is not None:
        raise validation_error(f"Variant {target} not found for endpoint {endpoint}.")
    if variant is None:
        raise validation_error(f"Every production variant of endpoint {endpoint} has weight 0; name a TargetVariant.")
    return variant
