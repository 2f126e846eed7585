"""How many rows a file has, and how many of each class."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable
from typing import Any

from checker.findings import BadFile, Findings, shorten

MAXIMUM_CLASSES = 10_000
"""A column with more different values is no class, and would fill the memory."""


class Rows:
    """Counts rows against `minimum_rows` and `maximum_rows`."""

    def __init__(self, rules: dict[str, Any], findings: Findings) -> None:
        self._rules, self._findings = rules, findings
        self.count = 0

    def add(self, number: int = 1) -> None:
        self.count += number
        if self.count > self._rules["maximum_rows"]:
            raise BadFile("maximum_rows", f"has more than {self._rules['maximum_rows']} rows")

    def finish(self) -> None:
        least = self._rules["minimum_rows"]
        if self.count < least:
            self._findings.add("minimum_rows", f"has {self.count} rows: at least {least} are needed")


class Classes:
    """Counts classes; without `rules` it counts nothing. `column` is how messages call what holds the class."""

    def __init__(self, rules: dict[str, Any] | None, findings: Findings, *, column: str | None = None) -> None:
        self._rules, self._findings, self._column = rules, findings, column
        self._counts: Counter[Hashable] = Counter()

    def add(self, values: Iterable[Hashable]) -> None:
        if self._rules is None:
            return
        self._counts.update(values)
        if len(self._counts) > MAXIMUM_CLASSES:
            message = f"holds more than {MAXIMUM_CLASSES} different values: it is no class"
            raise BadFile("classes", message, column=self._column)

    def finish(self) -> None:
        if self._rules is None:
            return
        least, rows = self._rules["minimum"], self._rules["minimum_rows"]
        if len(self._counts) < least:
            found = ", ".join(shorten(value) for value in list(self._counts)[:10])
            message = f"holds {len(self._counts)} classes: at least {least} are needed"
            self._findings.add("classes", message, column=self._column, value=found)
        for value, count in self._counts.items():
            if count < rows:
                message = f"has a class with {count} rows: each needs at least {rows}"
                self._findings.add("classes", message, column=self._column, value=value)
