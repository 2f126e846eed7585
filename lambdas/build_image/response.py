"""Answering CloudFormation.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/crpg-ref-responses.html: a JSON document of at
most 4,096 bytes, put to the presigned URL of the request.
"""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_MAXIMUM_BYTES = 4096
_TIMEOUT_SECONDS = 10
_ATTEMPTS = 3


@dataclass(frozen=True)
class Response:
    """`reason` is needed when it failed; `data` are the resource's attributes."""

    succeeded: bool
    physical_id: str
    reason: str = ""
    data: Mapping[str, str] = field(default_factory=dict)


def encode(event: Mapping[str, Any], response: Response) -> bytes:
    """The document, its reason shortened so that CloudFormation takes it."""
    document = {
        "Status": "SUCCESS" if response.succeeded else "FAILED",
        "Reason": response.reason,
        "PhysicalResourceId": response.physical_id,
        "StackId": event["StackId"],
        "RequestId": event["RequestId"],
        "LogicalResourceId": event["LogicalResourceId"],
        "Data": dict(response.data),
    }
    length = len(response.reason)
    while len(encoded := json.dumps(document).encode()) > _MAXIMUM_BYTES and length:
        length = length * 4 // 5
        document["Reason"] = _shortened(response.reason, length)
    return encoded


def _shortened(reason: str, length: int) -> str:
    """The beginning names the phase, the end is the last thing the build said: what lies between can go."""
    half = length // 2
    return f"{reason[:half]} ... {reason[len(reason) - half :]}"


def send(url: str, body: bytes) -> None:
    """Puts the document; tries again when the network fails. Raises OSError, and ValueError for another kind of URL."""
    if not url.startswith(("https://", "http://")):
        raise ValueError(f"ResponseURL {url[:40]!r} is not a web address")
    # The presigned URL was signed without a content type.
    request = urllib.request.Request(url, data=body, method="PUT", headers={"Content-Type": ""})  # noqa: S310
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS):  # noqa: S310
                return
        except OSError:
            if attempt == _ATTEMPTS:
                raise
