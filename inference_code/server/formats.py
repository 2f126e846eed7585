"""Content types: which bodies can be read and written. One entry is one format."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import orjson

from server import strict_json
from server.errors import InvalidInput, ModelFailed, NotAcceptable, UnsupportedMediaType

JSON = "application/json"
_UTF_8 = frozenset({"", "utf-8", "utf8"})


def content_type(header: str) -> str:
    """The media type of a Content-Type header; JSON where there is none. Raises UnsupportedMediaType."""
    media_type, parameters = _parse(header or JSON)
    if media_type not in _DECODERS:
        raise UnsupportedMediaType(f"cannot read {media_type!r}; send {_listed(_DECODERS)}")
    if parameters.get("charset", "").lower() not in _UTF_8:
        raise UnsupportedMediaType(f"cannot read the charset {parameters['charset']!r}; send utf-8")
    return media_type


def accepted(header: str) -> str:
    """The best type of an Accept header that can be written. Raises NotAcceptable."""
    choices = [_parse(part) for part in (header or "*/*").split(",")]
    for media_type in _ENCODERS:
        family = media_type.partition("/")[0]
        weights = {name: _weight(parameters) for name, parameters in choices}
        for name in (media_type, f"{family}/*", "*/*"):  # the most specific one decides (RFC 9110, 12.5.1)
            if name in weights:
                if weights[name] > 0:
                    return media_type
                break
    raise NotAcceptable(f"cannot answer with {header!r}; accept {_listed(_ENCODERS)}")


def decode(body: bytes, media_type: str) -> Any:
    """The document in the body. Raises InvalidInput."""
    return _DECODERS[media_type](body)


def instances(document: Any) -> list[Any]:
    """The list of `{"instances": [...]}`. Raises InvalidInput."""
    if not isinstance(document, dict) or "instances" not in document:
        raise InvalidInput('expected a JSON object with the key "instances"', field="instances")
    if not isinstance(document["instances"], list):
        kind = type(document["instances"]).__name__
        raise InvalidInput(f"instances: expected a list, got {kind}", field="instances")
    return document["instances"]


def encode(document: Any, media_type: str) -> bytes:
    """Raises ModelFailed for what the format cannot hold."""
    return _ENCODERS[media_type](document)


def _to_json(document: Any) -> bytes:
    try:
        body = orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY)
    except orjson.JSONEncodeError as error:
        raise ModelFailed("the model's answer cannot be written as JSON") from error
    if b"null" in body and not _is_finite(document):  # orjson writes NaN as null
        raise ModelFailed("the model's answer holds a number that is not finite")
    return body


def _is_finite(value: Any) -> bool:
    if isinstance(value, dict):
        return all(map(_is_finite, value.values()))
    if isinstance(value, list | tuple):
        return all(map(_is_finite, value))
    if hasattr(value, "tolist"):  # numpy's arrays and scalars
        return _is_finite(value.tolist())
    return not isinstance(value, float) or math.isfinite(value)


def _parse(header: str) -> tuple[str, dict[str, str]]:
    media_type, *rest = header.split(";")
    pairs = (part.partition("=") for part in rest)
    return media_type.strip().lower(), {name.strip().lower(): value.strip().strip('"') for name, _, value in pairs}


def _weight(parameters: dict[str, str]) -> float:
    try:
        return float(parameters.get("q", "1"))
    except ValueError:
        return 0.0


def _listed(table: dict[str, Any]) -> str:
    return " or ".join(table)


_DECODERS: dict[str, Callable[[bytes], Any]] = {JSON: strict_json.loads}
_ENCODERS: dict[str, Callable[[Any], bytes]] = {JSON: _to_json}
