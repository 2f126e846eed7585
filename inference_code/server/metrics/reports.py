"""The board as text: for Prometheus (GET /metrics), and as CloudWatch's embedded metric format (a line of the log).

Sources: https://prometheus.io/docs/instrumenting/exposition_formats/
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from server.metrics.board import PHASES, ROWS, SECONDS, STATUSES, Board

CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"
NAMESPACE = "Slipway/ModelServer"


def prometheus(board: Board) -> bytes:
    return "\n".join([*_lines(board), ""]).encode()


def _lines(board: Board) -> Iterator[str]:
    yield "# TYPE model_server_requests_total counter"
    for status in STATUSES:
        yield f'model_server_requests_total{{status="{status}"}} {board.requests(status)}'
    yield "# TYPE model_server_phase_seconds histogram"
    for phase in PHASES:
        yield from _histogram("model_server_phase_seconds", SECONDS, *board.phase(phase), label=f'phase="{phase}"')
    yield "# TYPE model_server_batch_rows histogram"
    yield from _histogram("model_server_batch_rows", ROWS, *board.batch_rows())
    yield "# TYPE model_server_queued_requests gauge"
    yield f"model_server_queued_requests {int(sum(row.queued for row in board.rows))}"
    yield "# TYPE model_server_workers gauge"
    yield f"model_server_workers {sum(row.beat > 0 for row in board.rows)}"
    yield "# TYPE model_server_worker_restarts_total counter"
    yield f"model_server_worker_restarts_total {int(sum(row.restarts for row in board.rows))}"


def _histogram(name: str, bounds: Sequence[float], counts: list[float], total: float, label: str = "") -> Iterator[str]:
    comma, labels = "," if label else "", f"{{{label}}}" if label else ""
    below = 0
    for bound, count in zip([*map(str, bounds), "+Inf"], counts, strict=True):
        below += int(count)
        yield f'{name}_bucket{{{label}{comma}le="{bound}"}} {below}'
    yield f"{name}_sum{labels} {total:.9g}"
    yield f"{name}_count{labels} {below}"


class EmbeddedMetrics:
    """What has happened since the line before. `dimensions` are those of every metric."""

    def __init__(self, board: Board, dimensions: Mapping[str, str]) -> None:
        self._board, self._dimensions = board, dict(dimensions)
        self._before = self._now()

    def line(self, milliseconds: int) -> str | None:
        """A line of JSON, `milliseconds` since the epoch being its time; None where nobody asked for anything."""
        now = self._now()
        since = {name: value - self._before[name] for name, value in now.items()}
        self._before = now
        requests = sum(since[f"status_{status}"] for status in STATUSES)
        if not requests:
            return None
        values: dict[str, tuple[float, str]] = {
            "Requests": (requests, "Count"),
            "Errors4xx": (_errors(since, 400), "Count"),
            "Errors5xx": (_errors(since, 500), "Count"),
        }
        for phase in PHASES:
            if since[f"{phase}_count"]:
                mean = 1e6 * since[f"{phase}_sum"] / since[f"{phase}_count"]
                values[f"{phase.capitalize()}Time"] = (round(mean, 1), "Microseconds")
        if since["batch_count"]:
            values["BatchRows"] = (round(since["batch_sum"] / since["batch_count"], 2), "None")
        return self._embedded(values, milliseconds)

    def _now(self) -> dict[str, float]:
        board = self._board
        found: dict[str, float] = {f"status_{status}": board.requests(status) for status in STATUSES}
        for name, (counts, total) in {**{one: board.phase(one) for one in PHASES}, "batch": board.batch_rows()}.items():
            found |= {f"{name}_count": sum(counts), f"{name}_sum": total}
        return found

    def _embedded(self, values: dict[str, tuple[float, str]], milliseconds: int) -> str:
        metrics = [{"Name": name, "Unit": unit} for name, (_, unit) in values.items()]
        directive = {"Namespace": NAMESPACE, "Dimensions": [list(self._dimensions)], "Metrics": metrics}
        head = {"_aws": {"Timestamp": milliseconds, "CloudWatchMetrics": [directive]}, **self._dimensions}
        return json.dumps(head | {name: value for name, (value, _) in values.items()})


def _errors(since: dict[str, float], first: int) -> float:
    return sum(since[f"status_{status}"] for status in STATUSES if first <= status < first + 100)
