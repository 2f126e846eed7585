"""Replacing `$NAME`, `${NAME}`, `${NAME:-default}` and `${NAME:+value}` as Docker does in most instructions."""

from __future__ import annotations

import re
from collections.abc import Mapping

_VARIABLE = re.compile(
    r"\\(?P<escaped>\$)|\$(?P<plain>[A-Za-z_]\w*)|\$\{(?P<name>[A-Za-z_]\w*)(?::(?P<operator>[-+])(?P<word>[^}]*))?\}"
)


def substitute(text: str, variables: Mapping[str, str]) -> str:
    """Unknown variables become empty, as in Docker. Raises ValueError for `${` forms that are not supported."""

    def value(found: re.Match[str]) -> str:
        if found["escaped"]:
            return "$"
        current = variables.get(found["plain"] or found["name"], "")
        if found["operator"] == "-":
            return current or substitute(found["word"], variables)
        if found["operator"] == "+":
            return substitute(found["word"], variables) if current else ""
        return current

    if found := re.search(r"(?<!\\)\$\{(?![A-Za-z_]\w*(?::[-+][^}]*)?\})", text):
        raise ValueError(f"cannot read the variable at {text[found.start() :]!r}; use ${{NAME}} or ${{NAME:-default}}")
    return _VARIABLE.sub(value, text)
