"""One asynchronous request: download its input, invoke an instance, upload the answer, notify."""

from __future__ import annotations

import base64
import http.client
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from localcloud.sagemaker.asynchronous import notifications
from localcloud.sagemaker.endpoints.server_address import ServerAddress
from localcloud.sagemaker.jobs.role import RoleRefused

log = logging.getLogger(__name__)

Document = dict[str, Any]

_MAX_INPUT_BYTES = 1_073_741_824  # "payload sizes up to 1 GB"
_TO_CONTAINER = {
    "ContentType": "Content-Type",
    "Accept": "Accept",
    "CustomAttributes": "X-Amzn-SageMaker-Custom-Attributes",
    "InferenceId": "X-Amzn-SageMaker-Inference-Id",
}
_AWS_ERRORS = (ClientError, BotoCoreError, RoleRefused)


class Role(Protocol):
    """Clients that act for the model's execution role."""

    def client(self, service: str) -> Any: ...


class NotBegun(Exception):
    """The instance took no connection: the request waits again."""


@dataclass
class Outcome:
    """How it went. ``reason`` is None for a success; ``body`` is what the model answered, if it did."""

    reason: str | None = None
    body: bytes | None = None
    content_type: str = "application/octet-stream"
    metrics: dict[str, float] = field(default_factory=dict)


class Invocation:
    """Args: configuration: the endpoint's AsyncInferenceConfig."""

    def __init__(
        self, request: Document, configuration: Mapping[str, Any], role: Role, *, region: str, now: Callable[[], float]
    ) -> None:
        self._request, self._role, self._region, self._now = request, role, region, now
        self._output = configuration["OutputConfig"]

    def invoke(self, address: ServerAddress) -> Outcome:
        """Download, and ask the instance at ``address``. Raises NotBegun."""
        outcome = Outcome(metrics={"TimeInBacklog": 1000 * (self._now() - self._request["CreationTime"])})
        body = self._download(outcome)
        if body is None:
            return outcome
        started = time.perf_counter()
        try:
            status = self._ask(address, body, outcome)
        except TimeoutError:
            status, outcome.reason = 0, f"ClientError: The model did not answer within {self._timeout} seconds."
        except (OSError, http.client.HTTPException) as error:
            status, outcome.reason = 0, f"ClientError: The model process exited while handling the request: {error}"
        outcome.metrics |= {
            "ModelLatency": (time.perf_counter() - started) * 1e6,
            "Invocation4XXErrors": float(400 <= status < 500),
            "Invocation5XXErrors": float(status >= 500 or status == 0),
        }
        if outcome.reason is None and not 200 <= status < 300:
            kind = "client" if 400 <= status < 500 else "server"
            outcome.reason = (
                f"ClientError: Received {kind} error ({status}) from model. See the SageMaker Endpoint logs in your "
                "account for more information."
            )
        return outcome

    def complete(self, outcome: Outcome) -> None:
        """Upload what came out of it, and notify; what goes wrong here is in the outcome's metrics."""
        if outcome.reason is None:
            self._upload_answer(outcome)
        if outcome.reason is not None:
            self._upload_failure(outcome)
        self._notify(outcome)
        outcome.metrics["TotalProcessingTime"] = 1000 * (self._now() - self._request["CreationTime"])
        outcome.metrics["InvocationsProcesssed"] = 1.0
        outcome.metrics["InvocationFailures"] = float(outcome.reason is not None)

    def expired(self) -> Outcome:
        """It waited longer than its RequestTTLSeconds."""
        return Outcome(reason="ClientError: The request expired in the queue.", metrics={"ExpiredRequests": 1.0})

    @property
    def _timeout(self) -> float:
        return self._request["TimeoutSeconds"]

    def _download(self, outcome: Outcome) -> bytes | None:
        if "_Body" in self._request:
            return base64.b64decode(self._request["_Body"])
        started = time.perf_counter()
        location = self._request["InputLocation"]
        bucket, _, key = location.removeprefix("s3://").partition("/")
        try:
            found = self._role.client("s3").get_object(Bucket=bucket, Key=key)
            if found["ContentLength"] > _MAX_INPUT_BYTES:
                raise RoleRefused(f"it has {found['ContentLength']} bytes; at most {_MAX_INPUT_BYTES} are allowed")
            body = found["Body"].read()
        except _AWS_ERRORS as error:
            outcome.reason = f"ClientError: Unable to download the request payload {location}: {error}"
            outcome.metrics["RequestDownloadFailures"] = 1.0
            return None
        outcome.metrics["RequestDownloadLatency"] = (time.perf_counter() - started) * 1e6
        return body

    def _ask(self, address: ServerAddress, body: bytes, outcome: Outcome) -> int:
        connection = address.connection(timeout=self._timeout)
        headers = {header: self._request[name] for name, header in _TO_CONTAINER.items() if name in self._request}
        try:
            try:
                connection.connect()
            except OSError as error:
                raise NotBegun(str(error)) from error
            connection.request("POST", "/invocations", body, headers)
            answer = connection.getresponse()
            outcome.body = answer.read()
            outcome.content_type = answer.getheader("Content-Type", outcome.content_type)
            return answer.status
        finally:
            connection.close()

    def _upload_answer(self, outcome: Outcome) -> None:
        started = time.perf_counter()
        location = self._request["OutputLocation"]
        try:
            self._put(location, outcome.body or b"", outcome.content_type)
        except _AWS_ERRORS as error:
            outcome.reason = f"ClientError: Unable to upload the response payload {location}: {error}"
            outcome.metrics["ResponseUploadFailures"] = 1.0
            return
        outcome.metrics["ResponseUploadLatency"] = (time.perf_counter() - started) * 1e6

    def _upload_failure(self, outcome: Outcome) -> None:
        if "FailureLocation" not in self._request:
            return
        text, content_type = outcome.body, outcome.content_type
        if text is None:
            text, content_type = (outcome.reason or "").encode(), "text/plain"
        try:
            self._put(self._request["FailureLocation"], text, content_type)
        except _AWS_ERRORS as error:
            log.warning("endpoint %s: %s", self._request["EndpointName"], error)
            outcome.metrics["ResponseUploadFailures"] = 1.0

    def _put(self, location: str, body: bytes, content_type: str) -> None:
        bucket, _, key = location.removeprefix("s3://").partition("/")
        encryption = {}
        if "KmsKeyId" in self._output:
            encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": self._output["KmsKeyId"]}
        self._role.client("s3").put_object(Bucket=bucket, Key=key, Body=body, ContentType=content_type, **encryption)

    def _notify(self, outcome: Outcome) -> None:
        notification = self._output.get("NotificationConfig", {})
        failed = outcome.reason is not None
        topic = notification.get("ErrorTopic" if failed else "SuccessTopic")
        if topic is None:
            return
        wanted = "ERROR_NOTIFICATION_TOPIC" if failed else "SUCCESS_NOTIFICATION_TOPIC"
        common = {
            "region": self._region,
            "now": self._now(),
            "body": outcome.body if notifications.wants_response(notification, wanted) else None,
        }
        if outcome.reason is not None:
            message = notifications.failure(self._request, reason=outcome.reason, **common)
        else:
            message = notifications.success(self._request, content_type=outcome.content_type, **common)
        try:
            self._role.client("sns").publish(TopicArn=topic, Message=message)
        except _AWS_ERRORS as error:
            log.warning("endpoint %s: cannot notify %s: %s", self._request["EndpointName"], topic, error)
            outcome.metrics["NotificationFailures"] = 1.0
