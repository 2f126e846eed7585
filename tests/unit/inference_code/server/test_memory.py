"""How much memory a container has left."""

from __future__ import annotations

import pytest
from server.memory import available_bytes, copies_that_fit, resident_bytes

GIB = 1 << 30


@pytest.mark.parametrize(
    ("limit", "used", "left"),
    [
        ("max", 0, 3 * GIB),
        (str(2 * GIB), GIB, GIB),
        (str(8 * GIB), 0, 3 * GIB),
        (str(GIB), 2 * GIB, 0),
        (None, 0, 3 * GIB),
    ],
)
def test_the_less_of_what_the_machine_has_and_the_container_may(tmp_path, limit, used, left):
    meminfo = tmp_path / "meminfo"
    meminfo.write_text(f"MemTotal: 9999999 kB\nMemAvailable:    {3 * GIB // 1024} kB\n")
    if limit is not None:
        (tmp_path / "memory.max").write_text(f"{limit}\n")
        (tmp_path / "memory.current").write_text(f"{used}\n")
    assert available_bytes(tmp_path, meminfo) == left


def test_a_system_that_does_not_say_has_plenty(tmp_path):
    assert available_bytes(tmp_path, tmp_path / "meminfo") > 1 << 60


@pytest.mark.parametrize(("resident", "available", "workers"), [(1, 3, 4), (2, 3, 2), (2, 1, 1), (0, 0, 1), (1, 99, 4)])
def test_no_more_copies_of_a_model_than_there_is_memory_for(resident, available, workers):
    assert copies_that_fit(4, resident * GIB, available * GIB) == workers


def test_what_this_process_has():
    assert 1 << 20 < resident_bytes() < 1 << 40
