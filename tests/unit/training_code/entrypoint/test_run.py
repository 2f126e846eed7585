"""The driver as a container starts it: a zip, run by Python."""

from __future__ import annotations

import ast
import json
import signal
import venv
import zipfile
from pathlib import Path

import pytest

from tests.support.container_python import ROOT

DRIVER = ROOT / "training_code" / "entrypoint"

REPORT = """
import json, os, sys
from pathlib import Path
import helper
Path(os.environ["SM_MODEL_DIR"], "report.json").write_text(json.dumps(
    {"arguments": sys.argv[1:], "folder": os.getcwd(), "helper": helper.VALUE,
     "variables": {n: v for n, v in os.environ.items() if n.startswith("SM_")}}))
"""


# What a hyperparameter tuning job adds to the hyperparameters of its training jobs.
TUNED = {"_tuning_objective_metric": "validation:accuracy"}


def report(container) -> dict:
    return json.loads((container.root / "model/report.json").read_text())


def test_the_script_gets_hyperparameters_channels_and_folders(container):
    container.configure(
        {"epochs": "3", "network": '"cnn"', "flag": "true", "rate": "-1e-3", "sagemaker_program": "x"} | TUNED,
        channels=("train", "my-data"),
    )
    container.code({"train.py": REPORT, "helper.py": "VALUE = 5"})
    done = container.run()
    assert done.returncode == 0, done.stderr
    seen, root = report(container), str(container.root)
    assert seen["arguments"] == ["--epochs", "3", "--flag", "true", "--network", "cnn", "--rate=-1e-3"]
    assert (seen["folder"], seen["helper"]) == (f"{root}/code", 5)
    variables = seen["variables"]
    assert variables["SM_CHANNEL_TRAIN"] == f"{root}/input/data/train"
    assert variables["SM_CHANNEL_MY_DATA"] == f"{root}/input/data/my-data"
    assert json.loads(variables["SM_CHANNELS"]) == ["my-data", "train"]
    assert json.loads(variables["SM_HPS"]) == {"epochs": "3", "network": "cnn", "flag": "true", "rate": "-1e-3"}
    assert variables["SM_HP_EPOCHS"] == "3"
    assert variables["SM_OUTPUT_DATA_DIR"] == f"{root}/output/data"
    assert variables["SM_CHECKPOINT_DIR"] == f"{root}/checkpoints"
    assert (json.loads(variables["SM_HOSTS"]), variables["SM_CURRENT_HOST"]) == (["algo-1"], "algo-1")
    assert int(variables["SM_NUM_CPUS"]) >= 1
    assert container.failure is None


def test_libraries_are_told_not_to_report_home_unless_the_manifest_says_otherwise(container):
    told = "import os; print('told', os.environ['ORT_DISABLE_TELEMETRY'])"
    container.configure()
    container.code({"train.py": told})
    assert "told 1" in container.run().stdout
    assert "told 0" in container.run(ORT_DISABLE_TELEMETRY="0").stdout


def test_memory_is_kept_for_the_next_step_unless_the_image_says_otherwise(container):
    script = (
        "import os\nprint(sorted(pair for pair in os.environ.items() if pair[0].startswith('MALLOC_')), flush=True)"
    )
    container.code({"train.py": script})
    done = container.run(MALLOC_TOP_PAD_="4096")
    told = "[('MALLOC_MMAP_MAX_', '0'), ('MALLOC_TOP_PAD_', '4096'), ('MALLOC_TRIM_THRESHOLD_', '8589934592')]"
    assert told in done.stdout.splitlines(), done


def test_the_starter_starts_the_driver_of_the_channel_beside_it(container):
    """As in a training job of a tuning job, which the image's own program starts in the folder of the code."""
    container.configure({"hidden": "4", "sagemaker_program": "start.py"}, channels=("train", "starter"))
    container.code({"train.py": REPORT, "helper.py": "VALUE = 5"})
    starter = DRIVER / "start.py"
    container.driver = starter
    done = container.run()
    assert done.returncode == 0, done.stderr
    assert report(container)["arguments"] == ["--hidden", "4"]
    assert json.loads(report(container)["variables"]["SM_CHANNELS"]) == ["train"]


def test_an_exception_is_told_first_then_where_it_was_raised(container):
    container.code(
        {"train.py": "def fit():\n    raise ValueError('train.csv line 2: \\'ten\\' is not a number')\nfit()"}
    )
    done = container.run()
    assert done.returncode == 1
    first, *rest = container.failure.splitlines()
    assert first == "ValueError: train.csv line 2: 'ten' is not a number"
    assert any('code/train.py", line 2, in fit' in line for line in rest)
    assert "Traceback" in done.stderr  # the log has it all


@pytest.mark.parametrize(
    ("script", "code", "told"),
    [
        ("import sys; sys.exit(7)", 7, "ScriptFailed: train.py ended with exit code 7"),
        ("import sys; sys.exit('no data')", 1, "ScriptFailed: train.py ended with exit code 1\nno data"),
        (
            "import os; os.kill(os.getpid(), 9)",
            137,
            "ScriptKilled: train.py was ended by signal 9 (Killed); the instance may be out of memory",
        ),
    ],
)
def test_another_end_is_told_with_its_exit_code(container, script, code, told):
    container.code({"train.py": script})
    assert container.run().returncode == code
    assert container.failure == told


def test_a_line_of_any_length_leaves_a_failure_that_sagemaker_does_not_cut(container):
    container.code({"train.py": "import sys\nprint('x' * 5000, file=sys.stderr)\nraise ValueError('y' * 5000)"})
    assert container.run().returncode == 1
    assert container.failure.startswith("ValueError: yyy")
    assert len(container.failure) <= 960


SLEEPER = """
import signal, sys, time
{handler}
print("ready", flush=True)
for _ in range(600):
    time.sleep(0.1)
"""


@pytest.mark.parametrize(
    ("handler", "code"),
    [("", 143), ("signal.signal(signal.SIGTERM, lambda *_: sys.exit(3))", 3)],
    ids=["without a handler", "with a handler"],
)
def test_sigterm_reaches_the_script_and_a_stopped_job_has_not_failed(container, handler, code):
    container.code({"train.py": SLEEPER.format(handler=handler)})
    process = container.start()
    try:
        assert "ready" in [process.stdout.readline().strip() for _ in range(2)]
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == code
    assert container.failure is None


def test_the_script_s_error_output_passes_through_while_it_runs(container):
    container.code({"train.py": SLEEPER.format(handler="print('loading', file=sys.stderr, flush=True)")})
    process = container.start()
    try:
        assert process.stderr.readline() == "loading\n"
        assert process.poll() is None
    finally:
        process.terminate()
        process.communicate(timeout=60)


@pytest.mark.parametrize(
    ("prepare", "told"),
    [
        (lambda c: None, "InvalidCode: channel 'code': expected one zip in"),
        (lambda c: c.code({"other.py": ""}), "InvalidCode: the script 'train.py' is not in the code channel"),
        (lambda c: (c.root / "input/data/code/x.zip").write_bytes(b"PK junk"), "InvalidCode: x.zip: "),
        (lambda c: (c.root / "input/config/inputdataconfig.json").unlink(), "InvalidJobConfig: "),
        (lambda c: c.configure({"epochs": 3}), "InvalidJobConfig: hyperparameters.json: epochs is 3"),
        (lambda c: c.configure(current_host="algo-9"), "InvalidJobConfig: resourceconfig.json: current_host 'algo-9'"),
    ],
    ids=["no code", "no script", "damaged zip", "no config", "hyperparameter", "host"],
)
def test_a_job_that_cannot_start_says_why(container, prepare, told):
    prepare(container)
    assert container.run().returncode == 1
    assert container.failure.startswith(told)


def test_a_script_outside_the_code_is_refused(container):
    (container.root / "train.py").write_text("")
    container.code({"helper.py": ""})
    assert container.run(script="../train.py").returncode == 1
    assert "'../train.py' is not in the code channel" in container.failure


def test_requirements_that_are_there_are_not_installed_again(container):
    container.code({"train.py": "", "requirements.txt": "# comment\npytest\npackaging>=20 ; python_version > '3'\n"})
    done = container.run()
    assert done.returncode == 0, done.stderr
    assert "Requirement already satisfied" not in done.stdout


def test_requirements_that_cannot_be_installed_fail_the_job_with_pip_s_words(container):
    container.code({"train.py": "", "requirements.txt": "--no-index\nno-such-package==1.0\n"})
    assert container.run().returncode == 1
    assert container.failure.startswith(
        "RequirementsNotInstalled: pip install -r requirements.txt ended with exit code"
    )
    assert "No matching distribution found for no-such-package==1.0" in container.failure


def test_requirements_that_are_missing_are_installed(container, tmp_path):
    _write_wheel(tmp_path / "wheels", "slipway_example", "1.2")
    venv.create(tmp_path / "environment", with_pip=True)
    code = "import slipway_example, sys; sys.exit(0 if slipway_example.VALUE == 42 else 5)"
    requirements = f"--no-index\n--find-links {tmp_path / 'wheels'}\nslipway-example==1.2\n"
    container.code({"train.py": code, "requirements.txt": requirements})
    done = container.run(python=str(tmp_path / "environment/bin/python"))
    assert done.returncode == 0, container.failure


def _write_wheel(folder: Path, name: str, version: str) -> None:
    folder.mkdir()
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{name}.py", "VALUE = 42")
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        wheel.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{info}/RECORD", "")


def test_the_driver_is_written_in_the_python_of_the_oldest_framework_image():
    for path in (ROOT / "training_code/entrypoint").rglob("*.py"):
        ast.parse(path.read_text(), feature_version=(3, 9))


def test_a_script_that_takes_more_memory_than_there_is_says_so(container):
    """The limit is the process's own; where the kernel ends it, the signal is told (above)."""
    limit = "import resource; resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))"
    container.code({"train.py": f"{limit}\nrows = bytearray(1 << 31)"})
    assert container.run().returncode == 1
    assert container.failure.startswith("MemoryError")
    assert "rows = bytearray(1 << 31)" in container.failure
