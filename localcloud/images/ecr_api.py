"""Calls of ECR without an AWS SDK: importing one takes longer than all that a build asks of the registry.

https://docs.aws.amazon.com/AmazonECR/latest/APIReference/, the JSON 1.1 protocol, Signature Version 4.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

_TARGET = "AmazonEC2ContainerRegistry_V20150921"
_CONTENT_TYPE = "application/x-amz-json-1.1"
_TIMEOUT_SECONDS = 60


class EcrError(Exception):
    """ECR refused; the text is its code and its message."""


@dataclass(frozen=True)
class EcrApi:
    """The ECR of the cloud at `endpoint_url` (http, no path), called with these keys."""

    endpoint_url: str
    region: str
    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)

    def call(self, operation: str, **request: Any) -> dict[str, Any]:
        """The answer to an operation, both as the API reference has them. Raises EcrError, OSError."""
        body = json.dumps(request).encode()
        host = urlsplit(self.endpoint_url).netloc
        connection = http.client.HTTPConnection(host, timeout=_TIMEOUT_SECONDS)
        try:
            connection.request("POST", "/", body, self._headers(host, f"{_TARGET}.{operation}", body))
            answer = connection.getresponse()
            document = json.load(answer)
        finally:
            connection.close()
        if answer.status != http.client.OK:
            code = str(document.get("__type", answer.status)).rpartition("#")[2]
            raise EcrError(f"{code}: {document.get('message') or document.get('Message') or answer.reason}")
        return document

    def _headers(self, host: str, target: str, body: bytes) -> dict[str, str]:
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        signed = {"content-type": _CONTENT_TYPE, "host": host, "x-amz-date": stamp, "x-amz-target": target}
        if self.session_token:
            signed["x-amz-security-token"] = self.session_token
        return {**signed, "authorization": self._authorization(signed, stamp, body)}

    def _authorization(self, signed: Mapping[str, str], stamp: str, body: bytes) -> str:
        names = ";".join(sorted(signed))
        lines = "".join(f"{name}:{signed[name]}\n" for name in sorted(signed))
        request = f"POST\n/\n\n{lines}\n{names}\n{hashlib.sha256(body).hexdigest()}"
        scope = f"{stamp[:8]}/{self.region}/ecr/aws4_request"
        text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
        key = f"AWS4{self.secret_access_key}".encode()
        for part in (*scope.split("/"), text):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        credential = f"{self.access_key_id}/{scope}"
        return f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={names}, Signature={key.hex()}"
