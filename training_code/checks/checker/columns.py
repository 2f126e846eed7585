"""Rules about a column's values, and about the columns of a row together."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from checker.findings import BadFile, Findings
from checker.rows import Classes

_INTEGER = re.compile(r"[+-]?[0-9]{1,1000}")
_FLOAT = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[+-]?(nan|inf|infinity)", re.IGNORECASE)
_ARTICLE = {"int": "an int", "float": "a float", "str": "a str", "bool": "a bool"}
KEY_BYTES = 16
"""Of the hash that stands for a key: two of ten million keys meet by chance once in 10^24 files."""


class Wrong(Exception):
    """A value that its column's rules refuse."""

    def __init__(self, rule: str, message: str) -> None:
        super().__init__(message)
        self.rule, self.message = rule, message


class Column:
    """The rules of one column. `of_text` and `of_json` give the value, None for a missing one, or raise Wrong."""

    def __init__(self, spec: Mapping[str, Any], missing: Iterable[str] = ()) -> None:
        self.required: bool = spec["required"]
        self._type, self._nullable = spec["type"], spec["nullable"]
        self._minimum, self._maximum = spec["minimum"], spec["maximum"]
        self._length = spec["maximum_length"]
        self._pattern = re.compile(spec["pattern"]) if spec["pattern"] is not None else None
        self._allowed = None if spec["allowed"] is None else frozenset(spec["allowed"])
        self._missing = frozenset(missing)
        self._parse = _PARSERS[self._type]

    def of_text(self, text: str) -> Any:
        if text in self._missing:
            return self._null()
        return self._checked(self._parse(text))

    def of_json(self, value: Any) -> Any:
        if value is None:
            return self._null()
        if not _is(value, self._type):
            raise Wrong("type", f"is not {_ARTICLE[self._type]}")
        return self._checked(value)

    def _null(self) -> None:
        if not self._nullable:
            raise Wrong("nullable", "is missing")

    def _checked(self, value: Any) -> Any:
        if self._minimum is not None and value < self._minimum:
            raise Wrong("minimum", f"is below the minimum {self._minimum}")
        if self._maximum is not None and value > self._maximum:
            raise Wrong("maximum", f"is above the maximum {self._maximum}")
        if self._allowed is not None and value not in self._allowed:
            raise Wrong("allowed", "is not one of the allowed values")
        if self._length is not None and len(value) > self._length:
            raise Wrong("maximum_length", f"has more than {self._length} characters")
        if self._pattern is not None and not self._pattern.fullmatch(value):
            raise Wrong("pattern", "does not match the pattern")
        return value


def _is(value: Any, kind: str) -> bool:
    """JSON's types: true is no int, and 1 is a float as well."""
    if kind == "any":
        return True
    if isinstance(value, bool) or kind == "bool":
        return isinstance(value, bool) and kind == "bool"
    return isinstance(value, {"int": int, "float": (int, float), "str": str}[kind])


def _integer(text: str) -> int:
    if not _INTEGER.fullmatch(text):
        raise Wrong("type", "is not an int")
    return int(text)


def _float(text: str) -> float:
    if _NOT_FINITE.fullmatch(text):
        raise Wrong("finite", "is NaN or infinite")
    if not _FLOAT.fullmatch(text):
        raise Wrong("type", "is not a float")
    value = float(text)
    if not math.isfinite(value):
        raise Wrong("finite", "is too large for a float")
    return value


def _boolean(text: str) -> bool:
    if text not in ("true", "false"):
        raise Wrong("type", "is not a bool: true or false")
    return text == "true"


_PARSERS: dict[str, Callable[[str], Any]] = {
    "int": _integer,
    "float": _float,
    "bool": _boolean,
    "str": str,
    "any": str,
}


class Table:
    """The rules about a table's columns, fed row by row."""

    def __init__(self, rules: Mapping[str, Any], findings: Findings, missing: Iterable[str] = ()) -> None:
        missing = list(missing)
        self.columns = {name: Column(spec, missing) for name, spec in rules["columns"].items()}
        others = rules["other_columns"]
        self.others = Column(others, missing) if others is not None else None
        self._findings = findings
        self._keys = [(tuple(key), set()) for key in rules["unique"]]
        classes = rules["classes"]
        self._class_column = classes["column"] if classes else None
        self._classes = Classes(classes, findings, column=self._class_column)

    def rule_of(self, name: str) -> Column | None:
        return self.columns.get(name, self.others)

    def missing_columns(self, names: Iterable[str]) -> list[str]:
        there = set(names)
        return [name for name, column in self.columns.items() if column.required and name not in there]

    def row(self, number: int, cells: Mapping[str, Any], read: Callable[[Column, Any], Any]) -> None:
        """`read` is `Column.of_text` or `Column.of_json`; `cells` holds columns only for which there is a rule."""
        values = {}
        for name, raw in cells.items():
            try:
                values[name] = read(self.rule_of(name), raw)  # type: ignore[arg-type]
            except Wrong as wrong:
                self._findings.add(wrong.rule, wrong.message, row=number, column=name, value=raw)
        self._check_keys(number, values)
        label = values.get(self._class_column)
        if label is not None:
            self._classes.add([self._hashable(number, label)])

    def finish(self) -> None:
        self._classes.finish()

    def _hashable(self, number: int, value: Any) -> Any:
        if isinstance(value, (list, dict)):
            message = "is a list or an object: a class is a single value"
            raise BadFile("classes", message, row=number, column=self._class_column)
        return value

    def _check_keys(self, number: int, values: Mapping[str, Any]) -> None:
        for names, seen in self._keys:
            if not all(name in values for name in names):
                continue  # a refused value has its finding already
            key = tuple(values[name] for name in names)
            digest = hashlib.blake2b(repr(key).encode("utf-8", "surrogatepass"), digest_size=KEY_BYTES).digest()
            if digest in seen:
                message = "has a key that an earlier row has"
                self._findings.add(
                    "unique", message, row=number, column=", ".join(names), value=", ".join(map(str, key))
                )
            seen.add(digest)
