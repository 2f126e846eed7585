"""Pages of list operations and their opaque tokens."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from typing import Any

from localcloud.sagemaker.errors import ValidationException

_DEFAULT_PAGE = 10


@dataclass(frozen=True, kw_only=True)
class Page:
    """One page: the output member that holds the items, and the token of the next page if there is one."""

    member: str
    items: list[Any]
    next_token: str | None

    def answer(self) -> dict[str, Any]:
        """As a response document."""
        return {self.member: self.items} | ({"NextToken": self.next_token} if self.next_token else {})


def page_of(member: str, items: list[Any], request: dict[str, Any], *, operation: str) -> dict[str, Any]:
    """The response document with the page of ``items`` that the request asks for."""
    scope = [operation, {key: value for key, value in request.items() if key not in ("NextToken", "MaxResults")}]
    start = decode_token(request.get("NextToken"), scope=scope) or 0
    end = start + request.get("MaxResults", _DEFAULT_PAGE)
    token = encode_token(end, scope=scope) if end < len(items) else None
    return Page(member=member, items=items[start:end], next_token=token).answer()


def encode_token(position: Any, *, scope: Any) -> str:
    """A token for the page behind ``position`` (any JSON value) of the listing that ``scope`` identifies."""
    payload = json.dumps([_digest(scope, position), position]).encode()
    return base64.urlsafe_b64encode(payload).decode()


def decode_token(token: str | None, *, scope: Any) -> Any:
    """The position, None without a token. Raises ValidationException unless the token was made for this scope."""
    if token is None:
        return None
    try:
        digest, position = json.loads(base64.urlsafe_b64decode(token))
    except (ValueError, TypeError, RecursionError):
        digest, position = None, None
    if digest != _digest(scope, position):
        raise ValidationException(f"Invalid NextToken '{token}': no request with these parameters returned it")
    return position


def _digest(scope: Any, position: Any) -> str:
    return hashlib.sha256(json.dumps([scope, position], sort_keys=True).encode()).hexdigest()[:16]
