"""One request of a transform job to the model: its timeout, its retries, and what its failure is called."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from localcloud.sagemaker.endpoints.http_client import Answer, BadAnswer, Body, HttpClient, NoConnection

_DEFAULT_TIMEOUT_SECONDS = 600  # ModelClientConfig
_DEFAULT_RETRIES = 3
_FIRST_PAUSE_SECONDS = 0.25
_TOO_MANY_REQUESTS = 429
_MAX_MESSAGE = 10_000


class RequestFailed(Exception):
    """The model did not give an answer that can be used.

    Attributes:
        reason: the job's FailureReason.
        log: what the data log says.
    """

    def __init__(self, reason: str, log: str) -> None:
        super().__init__(log)
        self.reason, self.log = reason, log


class NoResponse(RequestFailed):
    """There was no answer at all: the job cannot go on."""


CLIENT_ERROR = "ClientError: See job logs for more information"
ALGORITHM_ERROR = "AlgorithmError: See job logs for more information"
_INTERNAL_ERROR = "InternalServerError: We encountered an internal error. Please try again."


@dataclass
class ModelClient:
    """Used from one event loop; at most ``max_concurrent`` requests are under way at a time.

    Args:
        headers: Content-Type and Accept, where the job has them.
        pause: waits before a retry, for a number of seconds.
    """

    http: HttpClient
    max_concurrent: int
    headers: dict[str, str] = field(default_factory=dict)
    timeout_seconds: float = _DEFAULT_TIMEOUT_SECONDS
    max_retries: int = _DEFAULT_RETRIES
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep

    def __post_init__(self) -> None:
        self._places = asyncio.Semaphore(self.max_concurrent)

    @classmethod
    def of(cls, job: dict[str, Any], http: HttpClient, max_concurrent: int) -> ModelClient:
        """A client that does as the job's ModelClientConfig says."""
        config = job.get("ModelClientConfig", {})
        headers = {
            "Content-Type": job["TransformInput"].get("ContentType"),
            "Accept": job["TransformOutput"].get("Accept"),
        }
        return cls(
            http,
            max_concurrent,
            {name: value for name, value in headers.items() if value},
            timeout_seconds=config.get("InvocationsTimeoutInSeconds", _DEFAULT_TIMEOUT_SECONDS),
            max_retries=config.get("InvocationsMaxRetries", _DEFAULT_RETRIES),
        )

    async def invoke(self, body: Body) -> bytes:
        """The model's answer. Raises RequestFailed, NoResponse."""
        async with self._places:
            for attempt in range(self.max_retries + 1):
                if attempt:
                    await self.pause(_FIRST_PAUSE_SECONDS * 2 ** (attempt - 1))
                answer = await self._attempt(body)
                if isinstance(answer, Answer) and 200 <= answer.status < 300:
                    return answer.body
                if isinstance(answer, Answer) and not _may_pass(answer.status):
                    break
            raise _failure(answer)

    async def _attempt(self, body: Body) -> Answer | Exception:
        try:
            async with asyncio.timeout(self.timeout_seconds):
                return await self.http.request("POST", "/invocations", self.headers, body)
        except TimeoutError:
            return TimeoutError(f"no answer within {self.timeout_seconds:g} s")
        except (NoConnection, BadAnswer) as error:
            return error


def _may_pass(status: int) -> bool:
    """The next attempt may succeed."""
    return status >= 500 or status == _TOO_MANY_REQUESTS


def _failure(answer: Answer | Exception) -> RequestFailed:
    if isinstance(answer, Exception):
        return NoResponse(_INTERNAL_ERROR, f"Unable to get response from algorithm: {answer}")
    message = answer.body[:_MAX_MESSAGE].decode("utf-8", errors="replace")
    if 400 <= answer.status < 500:
        return RequestFailed(CLIENT_ERROR, f"ClientError: {answer.status}\n\nMessage:\n{message}")
    return RequestFailed(
        ALGORITHM_ERROR, f"Bad HTTP status received from algorithm: {answer.status}\n\nMessage:\n{message}"
    )
