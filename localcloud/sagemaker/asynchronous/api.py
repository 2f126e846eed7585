"""InvokeEndpointAsync, in front of the other operations of the sagemaker-runtime API."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from localcloud.sagemaker.asynchronous.backlog import Backlog
from localcloud.sagemaker.asynchronous.request import invocation, read
from localcloud.sagemaker.errors import ValidationException
from localcloud.sagemaker.store import NotFound, Store

Document = dict[str, Any]
Response = tuple[int, dict[str, str], Any]
Handler = Callable[[str, str, Mapping[str, str], bytes], Awaitable[Response]]

_PATH = re.compile(r"/endpoints/([a-zA-Z0-9](?:-*[a-zA-Z0-9]){0,62})/(async-invocations|invocations.*)")
_ASYNCHRONOUS = "async-invocations"


class AsyncRuntimeApi:
    """Answers requests whose caller is authenticated and authorised; ``others`` answers what is not asynchronous."""

    def __init__(
        self, store: Store, backlog: Backlog, others: Handler, *, account: str, now: Callable[[], float] = time.time
    ) -> None:
        self._store, self._backlog, self._others, self._account, self._now = store, backlog, others, account, now
        # Kept here, because every InvokeEndpoint asks; the store tells of changes.
        self._asynchronous: set[str] = set()
        for endpoint in store.list("endpoint"):
            self._changed("endpoint", None, endpoint)
        store.subscribe(self._changed)

    async def handle(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Response:
        """Status, headers and body; the arguments are those of ``RuntimeApi.handle``."""
        found = _PATH.fullmatch(path) if method == "POST" else None
        if found is None:
            return await self._others(method, path, headers, body)
        name, operation = found.groups()
        if operation == _ASYNCHRONOUS:
            lower = {key.lower(): value for key, value in headers.items()}
            return await asyncio.to_thread(self._enqueue, name, lower, body)
        if name.lower() in self._asynchronous:
            return _error(f"Endpoint {name} of account {self._account} is asynchronous: use InvokeEndpointAsync.")
        return await self._others(method, path, headers, body)

    def realtime(self, pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
        """Of (endpoint, variant) pairs, those of endpoints that are not asynchronous."""
        return [pair for pair in pairs if pair[0].lower() not in self._asynchronous]

    def _enqueue(self, name: str, headers: Mapping[str, str], body: bytes) -> Response:
        try:
            request = read(name, headers, body)
            endpoint = self._endpoint(name)
        except ValidationException as error:
            return _error(error.message)
        request["EndpointName"] = endpoint["EndpointName"]  # names ignore case
        output = endpoint["_ServingConfig"]["AsyncInferenceConfig"]["OutputConfig"]
        document = invocation(request, output, self._now())
        self._backlog.put(document)
        answer = {"content-type": "application/json", "x-amzn-sagemaker-outputlocation": document["OutputLocation"]}
        if "FailureLocation" in document:
            answer["x-amzn-sagemaker-failurelocation"] = document["FailureLocation"]
        return 202, answer, json.dumps({"InferenceId": document["InferenceId"]}).encode()

    def _endpoint(self, name: str) -> Document:
        try:
            endpoint = self._store.get("endpoint", name)
        except NotFound:
            endpoint = {}
        serving = endpoint.get("_ServingConfig")
        if serving is None or endpoint["EndpointStatus"] in ("Deleting", "Failed"):
            raise ValidationException(f"Endpoint {name} of account {self._account} not found.")
        if "AsyncInferenceConfig" not in serving:
            raise ValidationException(
                f"Endpoint {name} of account {self._account} is not asynchronous: its endpoint config has no "
                "AsyncInferenceConfig."
            )
        return endpoint

    def _changed(self, kind: str, before: Document | None, after: Document | None) -> None:
        if kind != "endpoint":
            return
        name = (after or before or {})["EndpointName"].lower()
        if after is not None and "AsyncInferenceConfig" in after.get("_ServingConfig", {}):
            self._asynchronous.add(name)
        else:
            self._asynchronous.discard(name)


def _error(message: str) -> Response:
    headers = {"content-type": "application/json", "x-amzn-ErrorType": "ValidationError"}
    return 400, headers, json.dumps({"Message": message, "message": message}).encode()
