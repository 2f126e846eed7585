"""How tests/conftest.py spreads tests over processes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

CONFTEST = Path(__file__).resolve().parents[2] / "conftest.py"
WHO_RAN = """
import os, pathlib

def test_it():
    with open({record!r}, "a") as record:
        record.write(f"{{pathlib.Path(__file__).parent}} {{os.environ['PYTEST_XDIST_WORKER']}}\\n")

def test_that():
    test_it()
"""


def test_two_processes_never_share_a_folder_nor_the_deployed_stack(tmp_path: Path) -> None:
    record = tmp_path / "record"
    for folder in ("e2e", "e2e/rows", "unit/a", "unit/b", "unit/c"):
        where = tmp_path / "tests" / folder
        where.mkdir(parents=True)
        for number in range(3):
            (where / f"test_{number}.py").write_text(WHO_RAN.format(record=str(record)))
    (tmp_path / "tests" / "conftest.py").write_text(CONFTEST.read_text())
    command = [
        sys.executable,
        "-m",
        "pytest",
        "--numprocesses",
        "2",
        "--import-mode=importlib",
        f"--rootdir={tmp_path}",
    ]
    done = subprocess.run([*command, "tests"], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout
    processes: dict[str, set[str]] = {}
    for line in record.read_text().splitlines():
        folder, process = line.split()
        stack = "e2e" if "/e2e" in folder else folder
        processes.setdefault(stack, set()).add(process)
    assert [len(ran) for ran in processes.values()] == [1, 1, 1, 1]
    assert set.union(*processes.values()) == {"gw0", "gw1"}
