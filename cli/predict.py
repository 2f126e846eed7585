"""Sends a request to the deployed API, as any client of it would: HTTP with the API key."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any

from cli import descriptors
from cli.errors import CliError
from cli.payloads import JSON
from cli.target import Target

# API Gateway gives up after 29 s; what takes longer than this is not coming.
TIMEOUT_SECONDS = 35


@dataclass(frozen=True)
class Answer:
    """Status and body of an answer, as they came."""

    status: int
    body: bytes

    def json(self) -> dict[str, Any]:
        return json.loads(self.body)


def api_key(target: Target) -> str:
    """The value of the stage's API key, asked of API Gateway (it is stored nowhere else)."""
    key_id = descriptors.api(target)["api_key_id"]
    return target.client("apigateway").get_api_key(apiKey=key_id, includeValue=True)["value"]


@dataclass(frozen=True)
class Api:
    """The API of one stage."""

    url: str
    key: str

    @classmethod
    def of(cls, target: Target) -> Api:
        return cls(url=target.api_url(descriptors.api(target)), key=api_key(target))

    def predict(self, workload: str, body: bytes, content_type: str = JSON, accept: str = JSON) -> Answer:
        """POST a request body to a workload; whatever the API answers is returned, errors too."""
        request = urllib.request.Request(  # noqa: S310 - the scheme is http or https, from our own descriptor
            f"{self.url}/workloads/{workload}/predictions",
            data=body,
            headers={"Content-Type": content_type, "Accept": accept, "x-api-key": self.key},
            method="POST",
        )
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as response:  # noqa: S310 - as above
                return Answer(response.status, response.read())
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.read())
        except (urllib.error.URLError, http.client.HTTPException, TimeoutError) as error:
            raise CliError(f"The API at {self.url} does not answer: {error}", hint="See: slipway status") from error


def refusal(answer: Answer) -> CliError:
    """An answer other than 200 as an error: the API's own message where it gave one."""
    try:
        error = answer.json()["error"]
        field = f" (field {error['field']})" if error.get("field") else ""
        text = f"{error['code']}: {error['message']}{field}"
    except (ValueError, KeyError, TypeError):
        text = answer.body.decode(errors="replace")[:500]
    return CliError(f"The API answered {answer.status}: {text}")
