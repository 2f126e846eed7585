"""Formats of lines: csv, jsonl, libsvm, text. Rows are line numbers, from 1."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator
from typing import Any

from checker.columns import Column, Table, Wrong
from checker.findings import BadFile, Findings
from checker.rows import Classes, Rows
from checker.streams import File, lines


def check_csv(file: File, findings: Findings) -> int:
    """RFC 4180: how many rows the file has, its header left out."""
    rules = file.rules
    table, rows = Table(rules, findings, rules["missing"]), Rows(rules, findings)
    with file.open() as stream:
        records = _records(lines(stream, rules), rules)
        names = _header(next(records, None), table, findings) if rules["header"] else None
        for number, fields in records:
            rows.add()
            names = names or _headless(len(fields), table)
            if len(fields) != len(names):
                what = f"has {len(fields)} fields, expected {len(names)}" if fields else "is empty"
                findings.add("columns", what, row=number)
                continue
            cells = {name: field for name, field in zip(names, fields) if name is not None}  # noqa: B905 - Python 3.9
            table.row(number, cells, Column.of_text)
    rows.finish()
    table.finish()
    return rows.count


def _records(text: Iterator[str], rules: dict[str, Any]) -> Iterator[tuple[int, list[str]]]:
    """Each record with the line that it ends in."""
    csv.field_size_limit(rules["maximum_line_bytes"])  # else a quote that nobody closes takes the file into memory
    quote = rules["quote"]
    quoting = csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE
    reader = csv.reader(text, delimiter=rules["delimiter"], quotechar=quote, quoting=quoting, strict=True)
    try:
        for fields in reader:
            yield reader.line_num, fields
    except csv.Error as error:
        raise BadFile("csv", f"is not CSV: {error}", row=reader.line_num) from error


def _header(record: tuple[int, list[str]] | None, table: Table, findings: Findings) -> list[str | None]:
    """The names of the columns; None for those without a rule, which have a finding then."""
    if record is None:
        raise BadFile("columns", "is empty: it needs a header", row=1)
    number, names = record
    for name in table.missing_columns(names):
        findings.add("columns", "is missing in the header", row=number, column=name)
    for name in sorted({name for name in names if names.count(name) > 1}):
        raise BadFile("columns", "is there more than once in the header", row=number, column=name)
    unknown = [name for name in names if table.rule_of(name) is None]
    for name in unknown:
        findings.add("columns", "is not a column that the manifest names", row=number, column=name)
    return [None if name in unknown else name for name in names]


def _headless(width: int, table: Table) -> list[str | None]:
    """Names for the columns of a file without a header, which has `width` of them if its first row is right."""
    names: list[str | None] = list(table.columns)
    if table.others is not None and width > len(names):
        names += [f"#{number + 1}" for number in range(len(names), width)]
    return names


def check_jsonl(file: File, findings: Findings) -> int:
    """One JSON object a line: how many rows the file has."""
    rules = file.rules
    table, rows = Table(rules, findings), Rows(rules, findings)
    with file.open() as stream:
        for number, line in enumerate(lines(stream, rules), start=1):
            rows.add()
            _check_object(number, line, table, findings)
    rows.finish()
    table.finish()
    return rows.count


def _check_object(number: int, line: str, table: Table, findings: Findings) -> None:
    try:
        row = strict_json(line)
    except ValueError as error:
        findings.add("json", f"is not JSON: {error}", row=number)
        return
    if not isinstance(row, dict):
        findings.add("json", "is not a JSON object", row=number)
        return
    for name in table.missing_columns(row):
        findings.add("columns", "is missing", row=number, column=name)
    for name in row:
        if table.rule_of(name) is None:
            findings.add("columns", "is not a column that the manifest names", row=number, column=name)
    table.row(number, {name: value for name, value in row.items() if table.rule_of(name)}, Column.of_json)


def strict_json(text: str) -> Any:
    """`json.loads` without what it lets pass: NaN, infinity, duplicate keys, nesting until the stack ends."""
    try:
        return json.loads(text, object_pairs_hook=_object, parse_constant=_constant, parse_float=_number)
    except json.JSONDecodeError as error:
        raise ValueError(f"{error.msg} at character {error.pos + 1}") from error
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) < len(pairs):
        raise ValueError("an object has the same key twice")
    return dict(pairs)


def _constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON number")


def _number(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("a number is too large")
    return value


def check_json(file: File, findings: Findings) -> None:
    """One document. Its size is capped by its rules, it is read whole."""
    with file.open() as stream:
        text = "".join(lines(stream, {"maximum_line_bytes": file.rules["maximum_unpacked_bytes"], "encoding": "utf-8"}))
    try:
        strict_json(text)
    except ValueError as error:
        raise BadFile("json", f"is not JSON: {error}") from error


def check_text(file: File, findings: Findings) -> int:
    """How many lines the file has."""
    rows = Rows(file.rules, findings)
    with file.open() as stream:
        for _ in lines(stream, file.rules):
            rows.add()
    rows.finish()
    return rows.count


def check_libsvm(file: File, findings: Findings) -> int:
    """`label index:value ...`: how many rows the file has."""
    rules = file.rules
    rows, classes = Rows(rules, findings), Classes(rules["classes"], findings, column="label")
    label, values = Column(rules["label"]), Column({**_PLAIN, **rules["values"]})
    with file.open() as stream:
        for number, line in enumerate(lines(stream, rules), start=1):
            rows.add()
            first, *pairs = line.split() or [""]
            try:
                classes.add([label.of_text(first)])
                _check_pairs(pairs, values, rules)
            except Wrong as wrong:
                findings.add(wrong.rule, wrong.message, row=number)
    rows.finish()
    classes.finish()
    return rows.count


_PLAIN = {
    "type": "float",
    "nullable": False,
    "required": True,
    "maximum_length": None,
    "pattern": None,
    "allowed": None,
}


def _check_pairs(pairs: list[str], values: Column, rules: dict[str, Any]) -> None:
    last = rules["minimum_index"] - 1
    for position, pair in enumerate(pairs, start=1):
        index, colon, value = pair.partition(":")
        if not colon or not index.isascii() or not index.isdigit() or len(index) > 18:
            raise Wrong("libsvm", f"is not LIBSVM: entry {position} is not index:value")
        if int(index) <= last:
            raise Wrong("libsvm", f"entry {position}: its index does not rise, or is below {rules['minimum_index']}")
        last = int(index)
        if rules["maximum_index"] is not None and last > rules["maximum_index"]:
            raise Wrong("maximum_index", f"entry {position}: its index is above {rules['maximum_index']}")
        try:
            values.of_text(value)
        except Wrong as wrong:
            raise Wrong(wrong.rule, f"entry {position}: its value {wrong.message}") from None
