"""The driver as a processing container starts it."""

from __future__ import annotations

import json
import os

REPORT = """
import json, os, sys
from pathlib import Path
import helper
arguments = dict(zip(sys.argv[1::2], sys.argv[2::2]))
Path(arguments["--output-train"], "report.json").write_text(json.dumps(
    {"arguments": sys.argv[1:], "folder": os.getcwd(), "helper": helper.VALUE,
     "variables": {n: v for n, v in os.environ.items() if n.startswith("SM_")}}))
"""


def test_the_script_gets_inputs_outputs_parameters_and_hosts(container):
    container.configure_processing(
        inputs=("videos", "my-classes"), outputs=("train",), hosts=("algo-1", "algo-2"), current_host="algo-2"
    )
    container.code({"process.py": REPORT, "helper.py": "VALUE = 5"})
    done = container.run("--frames", "15", "--rate", "-0.5", script="process.py")
    assert done.returncode == 0, done.stderr
    root = container.root / "processing"
    seen = json.loads((root / "output/train/report.json").read_text())
    assert seen["arguments"] == [
        *("--input-videos", f"{root}/input/videos", "--input-my-classes", f"{root}/input/my-classes"),
        *("--output-train", f"{root}/output/train", "--frames", "15", "--rate", "-0.5"),
    ]
    assert (seen["folder"], seen["helper"]) == (f"{container.root}/code", 5)
    assert json.loads(seen["variables"]["SM_HOSTS"]) == ["algo-1", "algo-2"]
    assert seen["variables"]["SM_CURRENT_HOST"] == "algo-2"
    assert int(seen["variables"]["SM_NUM_CPUS"]) >= 1
    assert container.message is None
    assert "driver: starting process.py --input-videos" in done.stdout


def test_a_failing_script_leaves_its_reason_where_processing_reads_it(container):
    container.configure_processing(outputs=("train",))
    container.code({"process.py": "raise ValueError('clip 3 has no frames')"})
    assert container.run(script="process.py").returncode == 1
    assert container.message.splitlines()[0] == "ValueError: clip 3 has no frames"
    assert container.failure is None


def test_code_without_the_script_is_told_by_the_files_that_are_there(container):
    container.configure_processing()
    container.code({"other.py": ""})
    assert container.run(script="process.py").returncode == 1
    assert "the script 'process.py' is not in the code channel, which holds: other.py" in container.message


def test_a_job_without_code_names_the_file_that_should_have_it(container):
    container.configure_processing()
    config = container.root / "config/processingjobconfig.json"
    config.write_text(json.dumps({"ProcessingInputs": None, "ProcessingOutputConfig": None}))
    assert container.run(script="process.py").returncode == 1
    assert container.message == f"InvalidJobConfig: {config}: there is no input 'code'"


def test_a_host_that_is_not_among_the_hosts_is_refused(container):
    container.configure_processing(hosts=("algo-1",), current_host="algo-3")
    container.code({"process.py": ""})
    assert container.run(script="process.py").returncode == 1
    assert "current_host 'algo-3' is not one of hosts ['algo-1']" in container.message


def test_on_a_spark_image_the_script_is_submitted_to_spark(container, tmp_path):
    submit = tmp_path / "bin/smspark-submit"
    submit.parent.mkdir()
    submit.write_text('#!/bin/sh\necho "submitted $*"\n')
    submit.chmod(0o755)
    container.configure_processing(inputs=("messages",))
    container.code({"process.py": "raise SystemExit('not by Python')"})
    path = f"{submit.parent}{os.pathsep}{os.environ['PATH']}"
    done = container.run("--buckets", "200", script="process.py", PATH=path)
    assert done.returncode == 0, done.stderr
    folder = f"{container.root}/processing/input/messages"
    assert f"submitted {container.root}/code/process.py --input-messages {folder} --buckets 200" in done.stdout
