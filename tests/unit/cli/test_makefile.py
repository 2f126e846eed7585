"""The task file. Nothing is installed here: make only says what it would do."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
DOCUMENTED = {
    *("help", "setup", "demo", "headline", "notebooks", "test", "test-unit"),
    *("lint", "format", "deploy", "clean"),
}

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


def make(*arguments: str, cwd: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    # A test run that make itself started must not hand its own flags on.
    base = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS", "UV_"))}
    return subprocess.run(["make", *arguments], cwd=cwd, env=base | environment, capture_output=True, text=True)


def test_make_alone_lists_every_documented_command() -> None:
    result = make()
    assert result.returncode == 0, result.stderr
    assert set(re.findall(r"^  make (\S+)", result.stdout, re.MULTILINE)) == DOCUMENTED
    assert result.stdout == make("help").stdout


def test_another_python_is_refused_with_what_to_do(tmp_path: Path) -> None:
    shutil.copy(ROOT / "Makefile", tmp_path)
    old = tmp_path / "python-old"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo "Python 3.9.1" && exit 0\nexit 1\n')
    old.chmod(0o755)
    result = make("setup", f"PYTHON={old}", cwd=tmp_path)
    assert result.returncode != 0
    assert "Slipway needs Python 3.11, 3.12 or 3.13" in result.stderr
    assert "Python 3.9.1" in result.stderr
    assert not (tmp_path / ".venv").exists()


def test_the_wheel_folders_that_pip_knows_are_told_to_uv(tmp_path: Path) -> None:
    (tmp_path / "Makefile").write_text(f"include {ROOT / 'Makefile'}\nshow:\n\t@echo [$$UV_FIND_LINKS]\n")
    assert make("show", cwd=tmp_path, PIP_FIND_LINKS="one two").stdout.strip() == "[one,two]"


def test_bytecode_is_written_even_where_the_surroundings_forbid_it(tmp_path: Path) -> None:
    (tmp_path / "Makefile").write_text(f"include {ROOT / 'Makefile'}\nshow:\n\t@echo [$$PYTHONDONTWRITEBYTECODE]\n")
    assert make("show", cwd=tmp_path, PYTHONDONTWRITEBYTECODE="1").stdout.strip() == "[]"


def test_ci_runs_exactly_the_tests() -> None:
    commands = [line for line in (ROOT / ".ci" / "run").read_text().splitlines() if line and not line.startswith("#")]
    assert commands == ["set -euo pipefail", 'cd "$(dirname "${BASH_SOURCE[0]}")/.."', "exec make test"]
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
