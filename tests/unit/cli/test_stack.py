"""The CDK command line: its environment, and what is shown of its output."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cli import node, stack
from cli.errors import CliError
from cli.target import Endpoint, Target

LOCAL = Target(stage="dev", endpoint=Endpoint("http://127.0.0.1:4700", "us-east-1", "AKIDEXAMPLE", "not-a-secret"))


def test_cdk_and_jsii_run_on_the_pinned_node_and_our_python() -> None:
    environment = stack.environment(LOCAL)
    first, second = environment["PATH"].split(os.pathsep)[:2]
    assert Path(first) == Path(sys.executable).parent
    assert Path(second) == node.program().parent == Path(environment["JSII_NODE"]).parent
    version = subprocess.run([environment["JSII_NODE"], "--version"], capture_output=True, text=True, check=True)
    assert version.stdout.startswith("v24.")


def test_cdk_calls_nobody_but_the_cloud() -> None:
    environment = stack.environment(LOCAL)
    assert environment["AWS_ENDPOINT_URL"] == "http://127.0.0.1:4700"
    assert environment["CDK_DISABLE_CLI_TELEMETRY"] == environment["CDK_DISABLE_VERSION_CHECK"] == "true"


def test_every_command_names_the_stage(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(stack, "CDK", tmp_path)
    arguments = stack.command(Target(stage="blue"), "deploy", "--all")
    assert arguments[2:4] == ["deploy", "--all"]
    assert arguments[-2:] == ["--context", "stage=blue"]


def test_a_missing_cdk_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(stack, "CDK", tmp_path / "nowhere")
    with pytest.raises(CliError) as raised:
        stack.command(LOCAL, "deploy")
    assert raised.value.hint == "Install what is needed: make setup"


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (
            "slipway-dev-platform |  3/27 | 9:12:01 AM | CREATE_COMPLETE      | AWS::KMS::Key | Key (Key961B73FD)",
            "slipway-dev-platform 3/27 AWS::KMS::Key",
        ),
        (
            "slipway-dev-api | 12 | 9:12:01 AM | UPDATE_IN_PROGRESS   | AWS::Lambda::Function | Predict",
            "slipway-dev-api 12 AWS::Lambda::Function",
        ),
        ("slipway-dev-api: deploying... [1/3]", ""),
        ("", ""),
    ],
)
def test_events_of_the_deployment_are_shown_short(line: str, shown: str) -> None:
    assert stack.progress(line) == shown
