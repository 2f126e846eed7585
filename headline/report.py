"""The figures for people and for programs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from headline.run import Result

_HEADINGS = ("row", "metric", "original", "required", "ours", "", "seconds")


def documents(results: Sequence[Result]) -> list[dict[str, Any]]:
    """The content of build/headline.json."""
    return [
        {
            "row": result.workload,
            "metric": result.figure.metric,
            "original": result.figure.original,
            "required": result.figure.required.text,
            "ours": result.ours,
            "passed": result.passed,
            "seconds": round(result.seconds, 1),
        }
        for result in results
    ]


def as_json(results: Sequence[Result]) -> str:
    return json.dumps(documents(results), indent=2) + "\n"


def table(results: Sequence[Result]) -> str:
    """Columns of text, as wide as their longest entry."""
    lines = [_HEADINGS, *(_cells(result) for result in results)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(_HEADINGS))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def page(results: Sequence[Result]) -> str:
    """docs/headline.md."""
    rows = "\n".join(f"| {' | '.join(_cells(result))} |" for result in results)
    return f"""# What every workload shows

Made by `make headline ARGS=--write-docs`: each workload's data set was uploaded, trained, evaluated, registered and
rolled out by the deployed stack on the embedded cloud, and its model answered a request through the API. "Original" is
what the articles reported; the seconds are those of the whole row, from deploying its stack to its answer.

| {" | ".join(_HEADINGS)} |
|{"---|" * len(_HEADINGS)}
{rows}
"""


def _cells(result: Result) -> tuple[str, ...]:
    figure = result.figure
    return (
        f"{result.number} {result.workload}",
        figure.metric,
        figure.original,
        figure.required.text,
        "-" if result.ours is None else f"{result.ours:.4f}".rstrip("0").rstrip("."),
        "pass" if result.passed else "FAIL",
        f"{result.seconds:.0f}",
    )
