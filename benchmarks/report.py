"""A benchmark's result as a table on the terminal, and as a page with a picture in docs/benchmarks."""

from __future__ import annotations

import json
import math
from html import escape
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.results import Result

DOCS = Path(__file__).resolve().parents[1] / "docs" / "benchmarks"
_ROW, _LEFT, _BAR = 26, 430, 420  # pixels: height of a bar with its gap, width of the names, width of the longest bar


def show(result: Result) -> None:
    """Ratios first: the median over the rounds, the least and the most, the goal and whether it was reached."""
    console = Console(width=140)
    table = Table(*_COLUMNS)
    for row in _rows(result):
        table.add_row(*row)
    console.print(table)
    console.print(_circumstances(result))


def write_docs(name: str, doc: str, result: Result, folder: Path = DOCS) -> None:
    """NAME.json (everything), NAME.md (the table), NAME.svg (the ratios as bars)."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps(result, indent=1) + "\n")
    (folder / f"{name}.svg").write_text(picture(result))
    lines = ["| " + " | ".join(row) + " |" for row in (_COLUMNS, ["---"] * len(_COLUMNS), *_rows(result))]
    title, _, text = doc.strip().partition("\n")
    page = [
        f"# {title}",
        f"Written by `python -m benchmarks.{name} --write-docs`; every figure of it is in [{name}.json]({name}.json).",
        _paragraphs(text),
        "\n".join(lines),
        f"![The ratios as bars]({name}.svg)",
        _circumstances(result),
    ]
    (folder / f"{name}.md").write_text("\n\n".join(part for part in page if part) + "\n")


_COLUMNS = ["ratio", "median", "least to most", "goal", "reached"]


def _rows(result: Result) -> list[list[str]]:
    def row(name: str) -> list[str]:
        least, most = result["spread"][name]
        goal = result["goals"].get(name, "")
        reached = ("no" if name in result["missed"] else "yes") if goal else ""
        return [name, _short(result["ratios"][name]), f"{_short(least)} to {_short(most)}", goal, reached]

    return [row(name) for name in result["ratios"]]


def _short(number: float) -> str:
    """Three digits that count."""
    return f"{number:.0f}" if number >= 100 else f"{number:.3g}"


def _circumstances(result: Result) -> str:
    found = result["machine"]
    told = f"{found['processor']}, {found['cores']} cores, {found['memory_gib']} GiB, {found['system']}"
    minute, five_minutes = result["load_average"]
    rounds = f"{len(result['runs'])} rounds" if len(result["runs"]) != 1 else "one round"
    return (
        f"Measured in {rounds} on {told}, Python {found['python']}. Load average of the last minute {minute:.1f}, of "
        f"five minutes {five_minutes:.1f}: whatever else ran on the machine is in it."
    )


def _paragraphs(text: str) -> str:
    """The docstring without what it shows to type, which the page says already."""
    parts = text.strip("\n").split("\n\n")
    return "\n\n".join(part for part in parts if part and not part.startswith("    "))


def picture(result: Result) -> str:
    """An SVG: a bar a ratio on a logarithmic scale, and a line at its goal."""
    goals = {name: float(text.split()[1]) for name, text in result["goals"].items()}
    logarithms = [math.log10(value) for value in (*result["ratios"].values(), *goals.values(), 1.0) if value > 0]
    least, most = math.floor(min(logarithms)), math.ceil(max(logarithms)) or 1

    def place(value: float) -> float:
        return _LEFT + _BAR * (math.log10(max(value, 10.0**least)) - least) / (most - least)

    height = _ROW * (len(result["ratios"]) + 1)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_LEFT + _BAR + 90}" height="{height}" '
        'font-family="sans-serif" font-size="13">',
        '<rect width="100%" height="100%" fill="white"/>',
    ]
    for power in range(least, most + 1):
        x = place(10.0**power)
        parts.append(f'<line x1="{x:.0f}" x2="{x:.0f}" y1="0" y2="{height - _ROW}" stroke="#ddd"/>')
        parts.append(f'<text x="{x:.0f}" y="{height - 8}" text-anchor="middle" fill="#666">{10.0**power:g}</text>')
    for number, (name, ratio) in enumerate(result["ratios"].items()):
        top, end = _ROW * number + 4, place(ratio)
        colour = "#c0504d" if name in result["missed"] else "#4f81bd"
        parts.append(f'<text x="{_LEFT - 8}" y="{top + 13}" text-anchor="end">{escape(name)}</text>')
        parts.append(f'<rect x="{_LEFT}" y="{top}" width="{end - _LEFT:.1f}" height="18" fill="{colour}"/>')
        parts.append(f'<text x="{end + 6:.0f}" y="{top + 13}">{_short(ratio)}</text>')
        if name in goals:
            x = place(goals[name])
            parts.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{top - 2}" y2="{top + 20}" stroke="black"/>')
    return "\n".join([*parts, "</svg>"]) + "\n"
