"""What can be refused before a model is asked: media types, size, and what is not JSON at all. The model server judges
the rest.
"""

from email.message import Message

from shared import strict_json
from shared.http import JSON, ApiError, Request

# Lambda takes 6 MB of event, of which the proxy event's other fields, and JSON's escapes, take their part.
MAX_BODY_BYTES = 5 * 1024 * 1024


def check(request: Request) -> None:
    """`ApiError` 415, 406, 413 or 400."""
    _check_content_type(request.headers.get("content-type", ""))
    _check_accept(request.headers.get("accept", "*/*"))
    if len(request.body) > MAX_BODY_BYTES:
        raise ApiError(413, "too_large", f"the body has {len(request.body)} bytes; allowed: {MAX_BODY_BYTES}")
    if not request.body.strip():
        raise ApiError(400, "invalid_body", 'the body is empty; expected a JSON object such as {"instances": [...]}')
    try:
        document = strict_json.loads(request.body)
    except ValueError as error:
        raise ApiError(400, "invalid_body", f"the body is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise ApiError(400, "invalid_body", f"the body must be a JSON object, found {type(document).__name__}")


def _check_content_type(header: str) -> None:
    message = Message()
    message["Content-Type"] = header
    charset = str(message.get_param("charset", "utf-8")).lower()
    if not header or message.get_content_type() != JSON or charset not in {"utf-8", "us-ascii"}:
        raise ApiError(415, "unsupported_media_type", f"Content-Type {header[:100]!r} is not supported; send {JSON}")


def _check_accept(header: str) -> None:
    ranges = {part.partition(";")[0].strip().lower() for part in header.split(",")}
    if not ranges & {JSON, "application/*", "*/*"}:
        raise ApiError(406, "not_acceptable", f"Accept {header[:100]!r} leaves out {JSON}, the only type there is")
