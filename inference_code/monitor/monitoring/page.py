"""report.html: the report with plots, one file that needs nothing else."""

from __future__ import annotations

from html import escape
from typing import Any

_WIDTH, _HEIGHT, _GAP = 560, 150, 4
_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1b1f24}"
    "table{border-collapse:collapse}td,th{padding:.2rem .8rem;text-align:left;border-bottom:1px solid #d0d7de}"
    ".drifted{color:#b42318;font-weight:600}svg text{font:10px system-ui,sans-serif;fill:#57606a}"
    "figure{margin:1rem 0}.before{fill:#8c959f}.after{fill:#0969da}"
)


def render(report: dict[str, Any]) -> str:
    columns = report["columns"]
    title = f"{report['workload']}, version {report['model_version']}"
    return "\n".join(
        [
            '<!doctype html><html lang="en"><meta charset="utf-8">',
            f"<title>Monitoring: {escape(title)}</title><style>{_STYLE}</style>",
            f"<h1>{escape(title)}</h1><p>{escape(report['summary'])}</p>",
            f"<p>Baseline: {report['baseline_records']} captured requests"
            f" ({escape(report['baseline'])}). Recent: {report['recent_records']} since {escape(report['since'])}."
            f" A column has drifted from a score of {report['threshold']:g}.</p>",
            _table(columns),
            *(_figure(column) for column in columns),
            "</html>\n",
        ]
    )


def _table(columns: list[dict[str, Any]]) -> str:
    rows = "".join(
        f"<tr{_class(column)}><td>{escape(column['name'])}<td>{column['kind']}<td>{column['score']:.3f}"
        f"<td>{column['psi']:.3f}<td>{column['chance']:.3f}<td>{_optional(column.get('ks'))}"
        for column in columns
    )
    return f"<table><tr><th>Column<th>Kind<th>Score<th>PSI<th>By chance up to<th>KS</tr>{rows}</table>"


def _figure(column: dict[str, Any]) -> str:
    """Shares of both samples in every bin, side by side."""
    bins = column["bins"]
    sums = {side: sum(entry[side] for entry in bins) or 1 for side in ("baseline", "recent")}
    shares = [
        (entry["label"], entry["baseline"] / sums["baseline"], entry["recent"] / sums["recent"]) for entry in bins
    ]
    top = max(max(before, after) for _, before, after in shares) or 1
    step = _WIDTH / len(shares)
    bars = "".join(_pair(index * step, step, share, top) for index, share in enumerate(shares))
    name, size = escape(column["name"]), f'viewBox="0 0 {_WIDTH} {_HEIGHT + 20}" width="{_WIDTH}"'
    return (
        f"<figure><figcaption{_class(column)}>{name}: grey is the baseline, blue is recent</figcaption>"
        f'<svg role="img" aria-label="{name}" {size}>{bars}</svg></figure>'
    )


def _pair(left: float, step: float, share: tuple[str, float, float], top: float) -> str:
    label, before, after = share
    width = (step - _GAP) / 2
    bars = "".join(
        f'<rect class="{kind}" x="{left + index * width:.1f}" y="{_HEIGHT - value / top * _HEIGHT:.1f}"'
        f' width="{width:.1f}" height="{value / top * _HEIGHT:.1f}"><title>{value:.1%}</title></rect>'
        for index, (kind, value) in enumerate((("before", before), ("after", after)))
    )
    return f'{bars}<text x="{left:.1f}" y="{_HEIGHT + 14}">{escape(label[:10])}</text>'


def _class(column: dict[str, Any]) -> str:
    return ' class="drifted"' if column["drifted"] else ""


def _optional(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
