"""The README shows a whole workload: the first of those that the end-to-end tests deploy beside the project's own."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
WORKLOADS = ROOT / "tests" / "e2e" / "workloads"
SHOWN = dict(
    re.findall(r"^`(\S+)`\n\n```\w+\n(.*?)^```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL | re.MULTILINE)
)


def test_every_file_of_the_workload_with_content_is_shown() -> None:
    files = [path for path in WORKLOADS.glob("*/nearest_mean/*") if path.is_file() and path.stat().st_size]
    assert {str(path.relative_to(WORKLOADS)) for path in files if "__pycache__" not in path.parts} == set(SHOWN)


@pytest.mark.parametrize("name", SHOWN)
def test_what_is_shown_is_what_is_deployed(name: str) -> None:
    assert SHOWN[name] == (WORKLOADS / name).read_text("utf-8")
