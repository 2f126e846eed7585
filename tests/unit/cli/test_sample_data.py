"""Which script makes a workload's sample data, and what is said where there is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli import sample_data
from cli.errors import CliError, CommandFailed

HEAD = "# /// script\n# requires-python = '>=3.11'\n# dependencies = []\n# ///\n"


@pytest.fixture
def training_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with one workload that has a script, and one that has none."""
    folder = tmp_path / "training_code"
    for name in ("with_script", "without"):
        (folder / name).mkdir(parents=True)
    text = (
        f"{HEAD}import pathlib, sys\npathlib.Path(sys.argv[1]).mkdir()\npathlib.Path(sys.argv[1], 'a').write_text('1')"
    )
    (folder / "with_script/sample_data.py").write_text(text)
    monkeypatch.setattr(sample_data, "TRAINING_CODE", folder)
    monkeypatch.setattr(sample_data.programs, "ROOT", tmp_path)
    monkeypatch.setattr(sample_data.programs, "LOGS", tmp_path / "build/logs")
    return folder


def test_a_relative_folder_is_that_of_the_person(training_code, tmp_path, monkeypatch):
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    sample_data.make("with_script", Path("data"))
    assert (tmp_path / "elsewhere/data/a").read_text() == "1"


def test_a_workload_without_a_script_is_refused_with_those_that_have_one(training_code, tmp_path):
    with pytest.raises(CliError) as caught:
        sample_data.make("without", tmp_path / "data")
    assert "training_code/without/sample_data.py does not exist" in caught.value.message
    assert "with_script" in caught.value.hint


def test_what_a_failing_script_printed_is_told(training_code, tmp_path):
    (training_code / "with_script/sample_data.py").write_text(f"{HEAD}raise SystemExit('Error: no disk left')")
    with pytest.raises(CommandFailed, match="no disk left"):
        sample_data.make("with_script", tmp_path / "data")
