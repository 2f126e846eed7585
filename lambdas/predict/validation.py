"""What can be refused before a model is asked: headers that cannot be passed on, size, and what is not JSON at all
though it is called so. The model server judges the rest.
"""

import re
from email.message import Message

from shared import strict_json
from shared.http import JSON, ApiError, Request

# Lambda takes 6 MB of event, into which API Gateway writes every body as base64; the rest is for the event's other
# fields.
MAX_BODY_BYTES = 4_456_448
# InvokeEndpoint, ContentType and Accept: at most 1,024 characters of ASCII.
MAX_HEADER = 1024
_MEDIA_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]+/[a-z0-9!#$&^_.+-]+")


def check(request: Request) -> None:
    """`ApiError` 415, 406, 413 or 400."""
    media_type = _check_content_type(request.headers.get("content-type", ""))
    _check_accept(request.headers.get("accept", ""))
    if len(request.body) > MAX_BODY_BYTES:
        raise ApiError(413, "too_large", f"the body has {len(request.body)} bytes; allowed: {MAX_BODY_BYTES}")
    if not request.body.strip():
        raise ApiError(400, "invalid_body", 'the body is empty; expected, for example, {"instances": [...]}')
    if media_type == JSON:
        _check_json(request.body)


def _check_json(body: bytes) -> None:
    try:
        document = strict_json.loads(body)
    except ValueError as error:
        raise ApiError(400, "invalid_body", f"the body is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise ApiError(400, "invalid_body", f"the body must be a JSON object, found {type(document).__name__}")


def _check_content_type(header: str) -> str:
    """The media type."""
    message = Message()
    message["Content-Type"] = header
    charset = str(message.get_param("charset", "utf-8")).lower()
    media_type = header.partition(";")[0].strip().lower()
    if not _MEDIA_TYPE.fullmatch(media_type) or not _can_be_passed_on(header) or charset not in {"utf-8", "us-ascii"}:
        told = f"Content-Type {header[:100]!r} is not supported; send {JSON}, or another type that the workload takes"
        raise ApiError(415, "unsupported_media_type", told)
    return media_type


def _check_accept(header: str) -> None:
    if not _can_be_passed_on(header):
        raise ApiError(406, "not_acceptable", f"Accept {header[:100]!r} is not a list of media types")


def _can_be_passed_on(header: str) -> bool:
    return len(header) <= MAX_HEADER and header.isascii() and (header.isprintable() or not header)
