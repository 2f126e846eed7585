"""Puts SageMaker's two APIs among ministack's services."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from typing import Any

from localcloud import authorization
from localcloud.config import Config
from localcloud.gateway.identity import AccessDenied, Caller, Identity

Response = tuple[int, dict[str, str], Any]
ControlPlane = Callable[[str, bytes, Caller], Response]
Runtime = Callable[[str, str, Mapping[str, str], bytes], Awaitable[Response]]


def register(config: Config, identity: Identity, control_plane: ControlPlane, runtime: Runtime) -> None:
    """Serve both APIs: ``control_plane`` is called in a thread, ``runtime`` on the event loop.

    The runtime may answer with an asynchronous iterator of bytes, which is sent as it comes.
    """
    app = importlib.import_module("ministack.app")
    router = importlib.import_module("ministack.core.router")
    actions = importlib.import_module("ministack.core.iam_actions")
    router.SERVICE_PATTERNS["sagemaker"] = {"target_prefixes": ["SageMaker."], "host_patterns": [r"sagemaker\."]}
    actions.SERVICE_TO_IAM_NAMESPACE["sagemaker"] = "sagemaker"
    actions._BOTOCORE_SERVICE_MAP["sagemaker"] = ["sagemaker", "sagemaker-runtime"]

    def resources(operation: authorization.Operation, path: str, body: bytes) -> list[str]:
        return authorization.resources(operation, path=path, body=body, region=config.region, account=config.account)

    async def handle(method: str, path: str, headers: dict, body: bytes, query: dict) -> Response:
        operation = authorization.operation(method, path, headers.get("x-amz-target", ""))
        if operation is None:
            return _error(400, "UnknownOperationException", f"SageMaker has no operation {method} {path}")
        caller = identity.caller(headers, query)
        try:
            for arn in resources(operation, path, body)[1:]:  # ministack's router checked the first one
                identity.authorize(caller, operation.action, arn)
        except AccessDenied as denied:
            return _error(400, "AccessDeniedException", denied.message)
        if not operation.runtime:
            status, answer_headers, answer = await asyncio.to_thread(control_plane, operation.name, body, caller)
            # ministack adds its own, the one it logs
            return status, {k: v for k, v in answer_headers.items() if k.lower() != "x-amzn-requestid"}, answer
        status, answer_headers, answer = await runtime(method, path, headers, body)
        return status, dict(answer_headers), _streamed(answer)

    app.SERVICE_HANDLERS["sagemaker"] = handle
    _map_actions(actions, resources)
    _shape_denials(actions)


def _map_actions(actions: Any, resources: Callable[[authorization.Operation, str, bytes], list[str]]) -> None:
    original_action, original_arn = actions.extract_iam_action, actions.extract_resource_arn

    def action(service: str, method: str, path: str, headers: dict, body: bytes, query: dict) -> str | None:
        if service != "sagemaker":
            return original_action(service, method, path, headers, body, query)
        operation = authorization.operation(method, path, headers.get("x-amz-target", ""))
        return operation.action if operation else None

    def arn(service: str, method: str, path: str, headers: dict, body: bytes, *rest: Any) -> str:
        if service != "sagemaker":
            return original_arn(service, method, path, headers, body, *rest)
        operation = authorization.operation(method, path, headers.get("x-amz-target", ""))
        return resources(operation, path, body)[0] if operation else "*"

    actions.extract_iam_action, actions.extract_resource_arn = action, arn


def _shape_denials(actions: Any) -> None:
    """The control plane denies with status 400 and JSON 1.1; ministack would answer 403 and JSON 1.0."""
    original = actions.access_denied_response

    def response(service: str, *arguments: Any, **keywords: Any) -> Response:
        status, headers, body = original(service, *arguments, **keywords)
        if service == "sagemaker" and (keywords.get("headers") or {}).get("x-amz-target"):
            status, headers = 400, {**headers, "Content-Type": "application/x-amz-json-1.1"}
        return status, headers, body

    actions.access_denied_response = response


def _error(status: int, code: str, message: str) -> Response:
    headers = {"Content-Type": "application/x-amz-json-1.1", "x-amzn-errortype": code}
    return status, headers, json.dumps({"__type": code, "message": message}).encode()


def _streamed(body: bytes | AsyncGenerator[bytes, None]) -> Any:
    if isinstance(body, bytes):
        return body

    async def run(send: Any, _receive: Any) -> None:
        async with contextlib.aclosing(body) as chunks:
            async for chunk in chunks:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    return importlib.import_module("ministack.core.responses").StreamingResponse(run)
