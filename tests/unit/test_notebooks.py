"""Notebooks as they are kept: source alone, which runs anywhere, with one line that chooses where."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))
ABSOLUTE_PATH = re.compile(r"(?<![\w/.:}])/[\w.-]+|\b[A-Za-z]:\\")
NO_PATHS_OF_A_MACHINE = {"/opt", "/slipway"}  # the containers' own, and names of parameters


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.name)
def cells(request: pytest.FixtureRequest) -> list[dict]:
    return json.loads(request.param.read_text(encoding="utf-8"))["cells"]


def _code(cells: list[dict]) -> list[str]:
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]


def test_both_notebooks_are_there():
    assert [path.name for path in NOTEBOOKS] == ["boto3_byoc.ipynb", "sagemaker_sdk.ipynb"]


def test_nothing_of_a_run_is_kept(cells):
    kept = [cell["id"] for cell in cells if cell.get("outputs") or cell.get("execution_count") is not None]
    assert kept == []
    assert {key for cell in cells for key in cell["metadata"]} == set()


def test_every_code_cell_compiles(cells):
    for number, source in enumerate(_code(cells)):
        compile(source, f"code cell {number}", "exec")


def test_no_path_of_a_machine_is_in_it(cells):
    found = {path for cell in cells for path in ABSOLUTE_PATH.findall("".join(cell["source"]))}
    assert found <= NO_PATHS_OF_A_MACHINE


def test_one_variable_chooses_the_cloud_and_nothing_else_knows_of_it(cells):
    code = "\n".join(_code(cells))
    assert re.findall(r".*\bTARGET\b.*", code) == ['TARGET = "local"  # or "aws"', 'if TARGET == "local":']
