"""The commands as people type them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from cli.errors import CliError
from cli.group import CommonOptionsGroup, Session
from cli.main import app

ROOT = Path(__file__).resolve().parents[3]
VERBS = ["up", "down", "train", "check", "sample-data", "predict", "batch", "export", "import"]
VERBS += ["rollback", "promote", "traffic", "approve", "verdict", "lineage", "drill"]
VERBS += ["runs", "rerun", "tensorboard"]
VERBS += ["monitor"]
VERBS += ["api-key", "status", "logs", "destroy", "demo"]


def slipway(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("SLIPWAY_", "AWS_"))}
    plain |= {"NO_COLOR": "1", "COLUMNS": "200", "AWS_EC2_METADATA_DISABLED": "true"} | environment
    command = [sys.executable, "-m", "cli", *arguments]
    return subprocess.run(command, cwd=ROOT, env=plain, capture_output=True, text=True, stdin=subprocess.DEVNULL)


def test_help_lists_every_verb_and_imports_no_sdk() -> None:
    code = "import sys; from cli.main import app; print([m for m in ('boto3', 'botocore') if m in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "[]"
    assert sorted(command.name or command.callback.__name__ for command in app.registered_commands) == sorted(VERBS)
    result = slipway("--help")
    assert result.returncode == 0
    assert all(f" {verb} " in result.stdout for verb in VERBS)


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(verb: str) -> None:
    result = CliRunner().invoke(app, [verb, "--help"])
    assert result.exit_code == 0
    assert f"slipway {verb}" in result.output or f"root {verb}" in result.output or f" {verb} " in result.output


def test_an_error_is_a_sentence_and_what_to_do_with_exit_code_1(tmp_path: Path) -> None:
    result = slipway("status", "--state", str(tmp_path / "none"))
    assert result.returncode == 1
    assert result.stdout == ""
    assert result.stderr == "Error: The embedded cloud is not running.\nStart it and deploy to it: slipway up\n"


def test_debug_shows_where_an_error_comes_from(tmp_path: Path) -> None:
    result = slipway("status", "--debug", "--state", str(tmp_path / "none"))
    assert result.returncode == 1
    assert "Traceback" in result.stderr


def test_aws_without_credentials_says_so(tmp_path: Path) -> None:
    nowhere = {"AWS_CONFIG_FILE": str(tmp_path / "c"), "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "s")}
    result = slipway("status", "--target", "aws", "--region", "eu-west-1", **nowhere)
    assert result.returncode == 1
    assert result.stderr.startswith("Error: No AWS credentials were found.")


def test_down_is_refused_on_aws() -> None:
    result = slipway("--target", "aws", "down")
    assert result.returncode == 1
    assert "slipway --target aws destroy" in result.stderr


def test_a_file_that_is_not_there_is_refused_before_any_call() -> None:
    result = slipway("predict", "mnist_lightning", "no-such-file.json")
    assert result.returncode == 1
    assert "no-such-file.json is not a file" in result.stderr


def test_an_unknown_target_is_refused_with_the_known_ones() -> None:
    result = slipway("status", "--target", "azure")
    assert result.returncode == 2
    assert "azure" in result.stderr
    assert "local" in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["--target", "aws", "--stage", "blue", "probe", "x"],
        ["probe", "x", "--target", "aws", "--stage", "blue"],
        ["probe", "--target=aws", "x", "--stage=blue"],
    ],
)
def test_common_options_stand_before_and_after_the_command(arguments: list[str]) -> None:
    assert _probe(arguments) == ("aws", "blue", "x")


def test_what_follows_two_dashes_is_not_an_option() -> None:
    assert _probe(["probe", "--", "--target"]) == ("local", "dev", "--target")


def test_the_target_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLIPWAY_TARGET", "aws")
    assert _probe(["probe", "x"]) == ("aws", "dev", "x")


def test_an_error_that_is_not_the_persons_keeps_its_traceback() -> None:
    result = CliRunner().invoke(_app(fail=KeyError("bug")), ["probe", "x"])
    assert isinstance(result.exception, KeyError)
    told = CliRunner().invoke(_app(fail=CliError("wrong", hint="do this")), ["probe", "x"])
    assert told.exit_code == 1
    assert "Error: wrong\ndo this\n" in told.output


def _probe(arguments: list[str]) -> tuple[str, str, str]:
    result = CliRunner().invoke(_app(), arguments)
    assert result.exit_code == 0, result.output
    cloud, stage, word = result.output.split()
    return cloud, stage, word


def _app(fail: Exception | None = None) -> typer.Typer:
    from cli.main import common

    probe_app = typer.Typer(cls=CommonOptionsGroup, pretty_exceptions_enable=False)
    probe_app.callback()(common)

    @probe_app.command()
    def probe(context: typer.Context, word: str) -> None:
        if fail:
            raise fail
        session: Session = context.obj
        typer.echo(f"{session.cloud} {session.stage} {word}")

    return probe_app
