"""The benchmark of model servers: what it compares, and that it refuses what is wrong."""

from __future__ import annotations

import copy
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from benchmarks.serving import answers
from benchmarks.serving.ratios import GOALS, ratios

LOAD = {f"c{connections}": {"per_second": 100.0 * connections, "p50": 1.0, "p99": 2.0} for connections in (1, 16, 64)}
OURS = {"ready_seconds": 0.5, "memory_mib": 100.0, **LOAD}
SLOW = {"ready_seconds": 5.0, "memory_mib": 400.0} | {
    name: {"per_second": load["per_second"] / 8, "p50": 8.0, "p99": 16.0} for name, load in LOAD.items()
}
OURS_AND_HELLO = ("ours", "ours, unbatched", "ours, CNN", "ours with PyTorch, CNN", "ours, nothing", "hello")
RUN = {
    **dict.fromkeys((*OURS_AND_HELLO, "hello on granian"), OURS),
    **dict.fromkeys(("classic", "classic, CNN", "torchserve", "litserve", "bentoml", "ray"), SLOW),
    "import torch": 1.0,
}


def test_every_goal_is_one_of_a_ratio_and_each_divides_ours_by_theirs():
    found = ratios(RUN)
    assert set(found) >= set(GOALS)
    assert found["MLP, 16 connections: requests/s, ours / classic"] == 8
    assert found["MLP, 64 connections: p99, ours / classic"] == 2 / 16
    assert found["memory, ours / TorchServe"] == 100 / 400
    assert found["start to first good /ping, seconds"] == 0.5


def test_a_rival_that_broke_down_or_was_left_out_has_no_ratios():
    run = copy.deepcopy(RUN)
    run["torchserve"] = {"error": "it ended before it answered"}
    del run["ray"]
    assert not [name for name in ratios(run) if "TorchServe" in name or "Ray" in name]


@pytest.mark.parametrize("wrong", [[[0.1, 0.9002]], [[0.1]], [], [[0.1, 0.9], [0.1, 0.9]]])
def test_a_server_that_answers_something_else_than_the_framework_is_not_timed(answering, wrong):
    answers.check(answering([[0.1, 0.90005]]), [b"{}"] * 3, [[0.1, 0.9]] * 3)
    with pytest.raises(answers.WrongAnswer, match="expected"):
        answers.check(answering(wrong), [b"{}"] * 3, [[0.1, 0.9]] * 3)


@pytest.fixture
def answering():
    """Starts a server that always gives the same predictions."""
    servers = []

    def start(predictions: list) -> str:
        body = json.dumps({"predictions": predictions}).encode()

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *arguments):
                pass

            def do_POST(self):
                self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        servers.append(ThreadingHTTPServer(("127.0.0.1", 0), Handler))
        threading.Thread(target=servers[-1].serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return f"http://127.0.0.1:{servers[-1].server_address[1]}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()
