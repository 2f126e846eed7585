"""What is counted, over processes, and how it is told."""

from __future__ import annotations

import json
import os

from server.metrics.board import Board
from server.metrics.reports import EmbeddedMetrics, prometheus


def lines(board):
    text = prometheus(board).decode()
    return dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))


def test_what_processes_count_is_added_up():
    board = Board(2)
    board.rows[0].answered(200)
    child = os.fork()
    if not child:
        board.rows[1].answered(200)
        board.rows[1].phases["predict"].add(0.003)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    found = lines(board)
    assert found['model_server_requests_total{status="200"}'] == "2"
    assert found['model_server_phase_seconds_sum{phase="predict"}'] == "0.003"


def test_buckets_hold_all_that_is_below_them():
    board = Board(1)
    for seconds in (0.0001, 0.0002, 30.0):
        board.rows[0].phases["queue"].add(seconds)
    found = lines(board)
    bucket = 'model_server_phase_seconds_bucket{{phase="queue",le="{}"}}'
    counts = [found[bucket.format(bound)] for bound in ("0.0001", "0.00025", "10.0", "+Inf")]
    assert counts == ["1", "2", "2", "3"]
    assert found['model_server_phase_seconds_count{phase="queue"}'] == "3"


def test_a_worker_that_is_gone_has_no_queue_but_goes_on_counting():
    board = Board(1)
    board.rows[0].answered(503)
    board.rows[0].queued, board.rows[0].beat = 4, 1.0
    assert lines(board)["model_server_workers"] == "1"
    board.rows[0].restarted()
    found = lines(board)
    assert found["model_server_queued_requests"] == found["model_server_workers"] == "0"
    assert found["model_server_worker_restarts_total"] == "1"
    assert found['model_server_requests_total{status="503"}'] == "1"


def test_the_line_for_cloudwatch_tells_what_came_since_the_last_one():
    board = Board(1)
    metrics = EmbeddedMetrics(board, {"EndpointName": "digits"})
    assert metrics.line(1) is None
    for status in (200, 200, 400, 503):
        board.rows[0].answered(status)
    board.rows[0].phases["predict"].add(0.002)
    board.rows[0].phases["predict"].add(0.004)
    told = json.loads(metrics.line(1234))
    (directive,) = told["_aws"]["CloudWatchMetrics"]
    assert (told["_aws"]["Timestamp"], directive["Dimensions"]) == (1234, [["EndpointName"]])
    assert {one["Name"] for one in directive["Metrics"]} == told.keys() - {"_aws", "EndpointName"}
    assert (told["Requests"], told["Errors4xx"], told["Errors5xx"], told["PredictTime"]) == (4, 1, 1, 3000.0)
    assert metrics.line(2000) is None
