"""The benchmark of model servers runs our own one. How fast is no test's business."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from benchmarks.serving.bench import Bench
from benchmarks.serving.contestants import HELLO, OURS_NOTHING


@pytest.fixture
def bench(tmp_path):
    bench = Bench(tmp_path, workers=2, seconds=1)
    bench.prepare_nothing()
    return bench


def test_our_server_is_started_asked_weighed_and_ended(bench):
    figures = bench.turn(OURS_NOTHING, "nothing", [])
    assert figures["ready_seconds"] > 0
    assert figures["memory_mib"] > 5
    assert not [folder for folder in Path("/proc").glob("[0-9]*") if _runs_the_server_of(bench, folder)]


def _runs_the_server_of(bench: Bench, process: Path) -> bool:
    try:
        return f"MODEL_DIR={bench.folder}".encode() in (process / "environ").read_bytes()
    except OSError:  # it ended, or is somebody else's
        return False


@pytest.mark.skipif(not shutil.which("wrk"), reason="needs wrk on the PATH")
def test_a_load_tells_speed_and_latencies(bench):
    figures = bench.turn(HELLO, "nothing", [4], checked=False)
    assert set(figures["c4"]) == {"per_second", "p50", "p99"}
    assert figures["c4"]["per_second"] > 0
    assert 0 < figures["c4"]["p50"] <= figures["c4"]["p99"]
