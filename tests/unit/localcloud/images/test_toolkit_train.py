"""`train` of the stand-ins for AWS's framework images: script mode by hyperparameters."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

from localcloud.images.managed import PROGRAMS

SCRIPT = """
import json, os, pathlib, sys
facts = {"arguments": sys.argv[1:], "variables": {k: v for k, v in os.environ.items() if k.startswith("SM_")}}
pathlib.Path(os.environ["SM_MODEL_DIR"], "facts.json").write_text(json.dumps(facts))
"""


def _train(base: Path, hyperparameters: dict[str, str]) -> subprocess.CompletedProcess[str]:
    config = base / "input/config"
    config.mkdir(parents=True)
    (config / "hyperparameters.json").write_text(json.dumps(hyperparameters))
    (config / "resourceconfig.json").write_text(json.dumps({"hosts": ["algo-1"], "current_host": "algo-1"}))
    (config / "inputdataconfig.json").write_text(json.dumps({"train": {}}))
    return subprocess.run(
        [sys.executable, PROGRAMS / "toolkit/train"],
        env={"SAGEMAKER_BASE_DIR": str(base), "PATH": os.defpath},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def _code(folder: Path, script: str) -> Path:
    (folder / "code").mkdir()
    (folder / "code/run.py").write_text(script)
    return folder / "code"


def test_the_program_can_be_run_by_its_name() -> None:
    assert (PROGRAMS / "toolkit/train").stat().st_mode & 0o111


def test_the_script_gets_its_hyperparameters_and_the_documented_variables(tmp_path: Path) -> None:
    archive = tmp_path / "sourcedir.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(_code(tmp_path, SCRIPT) / "run.py", "run.py")
    own = {"sagemaker_program": '"run.py"', "sagemaker_submit_directory": json.dumps(str(archive))}
    given = {"epochs": "3", "name": '"two words"', "flag": "true", "n": "1", "_tuning_objective_metric": "loss"}

    done = _train(tmp_path / "ml", {**own, **given})

    assert done.returncode == 0, done.stderr
    facts = json.loads((tmp_path / "ml/model/facts.json").read_text())
    assert facts["arguments"] == ["--epochs", "3", "--flag", "True", "-n", "1", "--name", "two words"]
    variables = facts["variables"]
    assert variables["SM_CHANNEL_TRAIN"] == str(tmp_path / "ml/input/data/train")
    assert json.loads(variables["SM_HPS"]) == {"epochs": 3, "name": "two words", "flag": True, "n": 1}
    assert (variables["SM_HP_EPOCHS"], variables["SM_CURRENT_HOST"]) == ("3", "algo-1")


def test_a_script_that_fails_says_why(tmp_path: Path) -> None:
    code = _code(tmp_path, "raise RuntimeError('no data')")
    own = {"sagemaker_program": "run.py", "sagemaker_submit_directory": str(code)}
    done = _train(tmp_path / "ml", own)
    assert done.returncode == 1
    failure = (tmp_path / "ml/output/failure").read_text()
    assert failure.startswith("ExecuteUserScriptError:\nExitCode 1\n")
    assert "RuntimeError: no data" in failure


def test_what_the_stand_in_does_not_have_is_refused(tmp_path: Path) -> None:
    assert _train(tmp_path / "none", {}).returncode == 1
    assert "sagemaker_program is missing" in (tmp_path / "none/output/failure").read_text()
    assert _train(tmp_path / "mpi", {"sagemaker_program": "x.py", "sagemaker_mpi_enabled": "true"}).returncode == 1
    assert "sagemaker_mpi_enabled" in (tmp_path / "mpi/output/failure").read_text()
