"""The headers Content-Type and Accept, against what a workload reads and writes."""

from __future__ import annotations

from collections.abc import Sequence

from server.errors import NotAcceptable, UnsupportedMediaType

_JSON = "application/json"
_CSV = "text/csv"
_HEADER_PRESENT = f"{_CSV}; header=present"
_UTF_8 = frozenset({"", "utf-8", "utf8", "us-ascii"})
_MAX_SHOWN = 100  # characters of a header that a message repeats


def content_type(header: str, taken: Sequence[str]) -> str:
    """What a body is, out of `taken`; JSON where the header is empty. Parameters are left out but for CSV's
    `text/csv; header=present` (RFC 4180). Raises UnsupportedMediaType.
    """
    name, parameters = _parse(header or _JSON)
    if name not in taken:
        raise UnsupportedMediaType(f"cannot read {name[:_MAX_SHOWN]!r}; send {' or '.join(taken)}")
    if parameters.get("charset", "").lower() not in _UTF_8:
        charset = parameters["charset"][:_MAX_SHOWN]
        raise UnsupportedMediaType(f"cannot read the charset {charset!r}; send utf-8")
    if name != _CSV:
        return name
    presence = parameters.get("header", "absent").lower()
    if presence not in ("absent", "present"):
        raise UnsupportedMediaType(
            f"cannot read header={presence[:_MAX_SHOWN]!r}; send header=present or header=absent"
        )
    return _HEADER_PRESENT if presence == "present" else _CSV


def media_type(content_type: str) -> str:
    """`text/csv` of `text/csv; header=present`."""
    return _parse(content_type)[0]


def has_header(content_type: str) -> bool:
    """Whether the first row of a CSV body holds the names of its columns."""
    return _parse(content_type)[1].get("header") == "present"


def accepted(header: str, offered: Sequence[str]) -> str:
    """The best type of an Accept header out of `offered`, whose order decides between equals. Raises NotAcceptable."""
    choices = {name: _weight(parameters) for name, parameters in map(_parse, (header or "*/*").split(","))}
    best = max(offered, key=lambda name: _quality(name, choices))
    if _quality(best, choices) <= 0:
        raise NotAcceptable(f"cannot answer with {header[:_MAX_SHOWN]!r}; accept {' or '.join(offered)}")
    return best


def _quality(name: str, choices: dict[str, float]) -> float:
    """The weight of the most specific range that holds the type (RFC 9110, 12.5.1)."""
    family = name.partition("/")[0]
    return next((choices[key] for key in (name, f"{family}/*", "*/*") if key in choices), 0.0)


def _parse(header: str) -> tuple[str, dict[str, str]]:
    name, *rest = header.split(";")
    pairs = (part.partition("=") for part in rest)
    return name.strip().lower(), {key.strip().lower(): value.strip().strip('"') for key, _, value in pairs}


def _weight(parameters: dict[str, str]) -> float:
    try:
        weight = float(parameters.get("q", "1"))
    except ValueError:
        return 0.0
    return weight if 0 <= weight <= 1 else 0.0
