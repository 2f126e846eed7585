"""The table of operations says what the registries, the tests and the data file say, and nothing else."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from scripts import coverage_table


def test_the_page_is_up_to_date() -> None:
    written = coverage_table.PAGE.read_text("utf-8")
    assert written == coverage_table.page(), "run: python scripts/coverage_table.py"


def test_a_marked_test_is_the_proof_of_every_operation_it_names() -> None:
    source = '@pytest.mark.real_effect("CreateModel", "CreateEndpoint")\n@pytest.mark.slow\ndef test_it(): ...\n'
    found = list(coverage_table._marked(ast.parse(source)))
    assert found == [("CreateModel", "test_it"), ("CreateEndpoint", "test_it")]


def test_what_no_test_shows_is_state_only() -> None:
    effects = coverage_table.ours({"CreateModel": ["tests/test_x.py::test_it"]})
    assert effects["sagemaker"]["CreateModel"] == coverage_table.REAL
    assert effects["sagemaker"]["CreateEndpoint"] == coverage_table.STATE
    assert effects["sagemaker-runtime"] == {}


def test_a_test_cannot_show_what_nothing_answers() -> None:
    with pytest.raises(ValueError, match="CreateNotebookInstance"):
        coverage_table.ours({"CreateNotebookInstance": ["tests/test_x.py::test_it"]})


def test_the_data_file_names_operations_that_exist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = tmp_path / "emulators.toml"
    entry = '[[emulator]]\nname = "other"\nversion = "1"\ndate = 2026-01-01\nsource = ""\nnote = ""\n'
    data.write_text(f'{entry}[emulator.operations.sagemaker]\nno = ["CreateModle"]\n')
    monkeypatch.setattr(coverage_table, "EMULATORS", data)
    with pytest.raises(ValueError, match="other: sagemaker has no operation CreateModle"):
        coverage_table.emulators()


def test_an_effect_is_one_of_the_four_words() -> None:
    words = {
        effect
        for emulator in coverage_table.emulators()
        for operations in emulator.effects.values()
        for effect in operations.values()
    }
    assert words <= {coverage_table.REAL, coverage_table.STATE, coverage_table.UNKNOWN}
