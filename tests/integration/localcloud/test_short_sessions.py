"""Sessions of roles that last seconds: what runs longer has them renewed."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.embedded_cloud import EmbeddedCloud, allow, command, eventually, free_port, unique

ROOT = Path(__file__).resolve().parents[3]
SECONDS = 1
SERVER = f"""
import sys
from datetime import timedelta
from localcloud.gateway import identity
identity.SESSION_LIFETIME = timedelta(seconds={SECONDS})
from localcloud.__main__ import main
sys.exit(main())
"""


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[EmbeddedCloud]:
    place = ["--state", str(tmp_path / "state"), "--port", str(free_port())]
    with (tmp_path / "log").open("wb") as log:
        server = subprocess.Popen([sys.executable, "-c", SERVER, "serve", *place], cwd=ROOT, stdout=log, stderr=log)
    try:
        status = eventually(lambda: _status(tmp_path / "state"))
        status.pop("state")
        yield EmbeddedCloud(state_dir=tmp_path / "state", port=int(place[-1]), **status)
    finally:
        server.terminate()
        server.wait(timeout=60)


def _status(state: Path) -> dict | None:
    result = command("status", "--state", str(state))
    return json.loads(result.stdout) if result.returncode == 0 else None


def test_an_execution_outlives_the_sessions_of_its_role(cloud: EmbeddedCloud) -> None:
    states, name = cloud.client("stepfunctions"), unique("machine")
    listing = {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:sagemaker:listModels", "Arguments": {}}
    definition = {
        "QueryLanguage": "JSONata",
        "StartAt": "Before",
        "States": {
            "Before": {**listing, "Next": "Wait"},
            "Wait": {"Type": "Wait", "Seconds": SECONDS + 1, "Next": "After"},
            "After": {**listing, "End": True},
        },
    }
    role = cloud.role(name, "states.amazonaws.com", allow("sagemaker:ListModels"))
    machine = states.create_state_machine(name=name, definition=json.dumps(definition), roleArn=role)
    execution = states.start_execution(stateMachineArn=machine["stateMachineArn"])["executionArn"]
    ended = eventually(lambda: _ended(states, execution))
    assert ended["status"] == "SUCCEEDED", ended


def _ended(states: object, execution: str) -> dict | None:
    found = states.describe_execution(executionArn=execution)
    return found if found["status"] != "RUNNING" else None
