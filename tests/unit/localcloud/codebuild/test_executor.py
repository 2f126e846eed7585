"""Builds from SUBMITTED to COMPLETED: real shells; the services that a build calls answer from a loopback server."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from localcloud import clients
from localcloud.codebuild import CodeBuildExecutor, new_build
from localcloud.config import Config
from tests.support.loopback_aws import LoopbackAws, serve

ROLE = "arn:aws:iam::000000000000:role/build"
SECONDS = 60


@dataclass
class Ended:
    """A build that has ended: every record that was reported, and the lines of its log."""

    reports: list[dict[str, Any]] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)

    @property
    def status(self) -> str:
        return self.reports[-1]["buildStatus"]

    @property
    def phases(self) -> dict[str, str]:
        """Phase -> status, of those that commands run in."""
        phases = {phase["phaseType"]: phase.get("phaseStatus", "") for phase in self.reports[-1]["phases"]}
        return {name: phases[name] for name in ("INSTALL", "PRE_BUILD", "BUILD", "POST_BUILD") if name in phases}

    def message(self, phase: str) -> str:
        [found] = [entry for entry in self.reports[-1]["phases"] if entry["phaseType"] == phase]
        return found["contexts"][0]["message"]

    @property
    def said(self) -> list[str]:
        """What commands printed."""
        return [line for line in self.lines if not line.startswith("[Container]")]


@pytest.fixture
def aws() -> Iterator[LoopbackAws]:
    with serve() as server:
        for operation in ("CreateLogGroup", "CreateLogStream", "PutLogEvents"):
            server.operations[f"Logs_20140328.{operation}"] = lambda parameters: {}
        yield server


@pytest.fixture
def executor(aws: LoopbackAws, tmp_path: Path) -> Iterator[CodeBuildExecutor]:
    def session(config: Config, role: str, name: str, principal: str) -> clients.Credentials:
        if role != ROLE or principal != "codebuild.amazonaws.com":
            raise clients.AccessDenied(f"{principal} cannot assume {role}: there is no such role")
        return clients.Credentials(
            access_key_id="ASIALOOPBACK",
            secret_access_key="x",  # noqa: S106
            session_token="y",  # noqa: S106
            expiration=datetime.now(UTC) + timedelta(hours=1),
        )

    before = clients._role_sessions
    clients.use_role_sessions(session)
    port = int(aws.url.rpartition(":")[2])
    running = CodeBuildExecutor(Config(state_dir=tmp_path / "state", port=port, secret_access_key="x"))  # noqa: S106
    yield running
    running.close()
    clients._role_sessions = before


@pytest.fixture
def run(executor: CodeBuildExecutor, aws: LoopbackAws) -> Callable[..., Ended]:
    def start(
        specification: str, *, role: str = ROLE, then: Callable[[str], None] | None = None, **request: Any
    ) -> Ended:
        project = {"name": "images", "serviceRole": role, "source": {"type": "NO_SOURCE", "buildspec": specification}}
        made = new_build(
            project,
            {"projectName": "images", **request},
            account="000000000000",
            region="us-east-1",
            number=1,
            now=time.time(),
        )
        ended, done = Ended(), threading.Event()

        def report(build: dict[str, Any]) -> None:
            ended.reports.append(build)
            if build["buildComplete"]:
                done.set()
            elif then and build["currentPhase"] == "BUILD" and "phaseStatus" not in build["phases"][-1]:
                then(build["id"])

        executor.start(made, report)
        assert done.wait(SECONDS), ended.reports[-1]
        for request_ in aws.called("Logs_20140328.PutLogEvents"):
            ended.lines += [event["message"] for event in request_["logEvents"]]
        return ended

    return start


def specification(**phases: str) -> str:
    """A build specification from a phase's YAML each."""
    return "version: 0.2\nphases:\n" + "".join(f"  {name}: {text}\n" for name, text in phases.items())


def test_phases_run_in_order_in_one_shell(run) -> None:
    ended = run(
        specification(
            post_build="{commands: ['echo $A-done']}",
            pre_build="{commands: ['A=$A-pre']}",
            install="{commands: ['A=install']}",
            build="{commands: ['A=$A-build', 'echo $A']}",
        )
    )
    assert ended.status == "SUCCEEDED"
    assert ended.said == ["install-pre-build", "install-pre-build-done"]
    assert list(ended.phases) == ["INSTALL", "PRE_BUILD", "BUILD", "POST_BUILD"]
    assert set(ended.phases.values()) == {"SUCCEEDED"}


def test_a_failure_before_build_ends_the_build(run) -> None:
    ended = run(specification(pre_build="{commands: ['exit 4', 'echo never']}", build="{commands: ['echo never']}"))
    assert (ended.status, ended.phases) == ("FAILED", {"INSTALL": "SUCCEEDED", "PRE_BUILD": "FAILED"})
    assert ended.said == []
    assert ended.message("PRE_BUILD") == "Error while executing command: exit 4. Reason: exit status 4"


def test_after_a_failed_build_post_build_still_runs_and_knows(run) -> None:
    ended = run(
        specification(
            build="{commands: ['echo $CODEBUILD_BUILD_SUCCEEDING', 'false']}",
            post_build="{commands: ['echo $CODEBUILD_BUILD_SUCCEEDING']}",
        )
    )
    assert ended.status == "FAILED"
    assert (ended.phases["BUILD"], ended.phases["POST_BUILD"]) == ("FAILED", "SUCCEEDED")
    assert ended.said == ["1", "0"]


def test_on_failure_decides_whether_the_next_phase_runs(run) -> None:
    going_on = specification(install="{commands: ['false'], on-failure: CONTINUE}", pre_build="{commands: ['echo on']}")
    ended = run(going_on)
    assert (ended.status, ended.phases["PRE_BUILD"]) == ("FAILED", "SUCCEEDED")
    aborted = run(specification(build="{commands: ['false'], on-failure: ABORT}", post_build="{commands: ['echo on']}"))
    assert aborted.status == "FAILED" and "POST_BUILD" not in aborted.phases


def test_finally_runs_after_a_failed_command(run) -> None:
    ended = run(specification(build="{commands: ['false', 'echo never'], finally: ['echo last']}"))
    assert ended.said == ["last"] and ended.phases["BUILD"] == "FAILED"


def test_variables_of_startbuild_go_before_those_of_the_specification(run) -> None:
    text = "version: 0.2\nenv: {variables: {A: spec, B: spec}}\nphases: {build: {commands: ['echo $A $B']}}\n"
    assert run(text, environmentVariablesOverride=[{"name": "B", "value": "start"}]).said == ["spec start"]


def test_a_build_sees_its_role_and_nothing_of_this_process(run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_SECRET", "1")
    ended = run(specification(build="{commands: ['env']}"))
    variables = dict(line.partition("=")[::2] for line in ended.said)
    assert variables["AWS_ACCESS_KEY_ID"] == "ASIALOOPBACK"
    assert variables["AWS_ENDPOINT_URL"].startswith("http://127.0.0.1:")
    assert variables["CODEBUILD_BUILD_ID"] == ended.reports[-1]["id"]
    assert "MY_SECRET" not in variables
    assert variables["HOME"] != os.environ["HOME"]


def test_a_variable_from_elsewhere_is_refused_by_name(run) -> None:
    secret = {"name": "PASSWORD", "value": "x", "type": "SECRETS_MANAGER"}
    ended = run(specification(build="{commands: ['echo never']}"), environmentVariablesOverride=[secret])
    assert ended.status == "FAILED" and "PASSWORD" in ended.message("INSTALL") and not ended.said


def test_a_role_that_codebuild_may_not_assume_fails_the_provisioning(run) -> None:
    ended = run(specification(build="{commands: ['echo never']}"), role="arn:aws:iam::000000000000:role/other")
    assert ended.status == "FAILED" and "cannot assume" in ended.message("PROVISIONING")


@pytest.mark.parametrize("text", ["version: 0.2\nphases: {deploy: {}}\n", "other.yml", ""])
def test_a_specification_that_cannot_be_read_fails_before_any_command(run, text: str) -> None:
    ended = run(text)
    assert ended.status == "FAILED" and ended.message("DOWNLOAD_SOURCE") and not ended.phases


def test_a_build_that_takes_too_long_is_timed_out(run) -> None:
    ended = run(specification(build="{commands: ['sleep 600']}"), timeoutInMinutesOverride=0.01)
    assert ended.status == "TIMED_OUT" and ended.phases["BUILD"] == "TIMED_OUT"


def test_a_stopped_build_says_so_and_leaves_nothing(run, executor, tmp_path: Path) -> None:
    ended = run(
        specification(build="{commands: ['sleep 600']}", post_build="{commands: ['echo never']}"), then=executor.stop
    )
    assert ended.status == "STOPPED" and not ended.said
    assert list((tmp_path / "state/codebuild").iterdir()) == []
    assert executor.stop(ended.reports[-1]["id"]) is False


def test_docker_and_aws_are_on_the_path_and_work_on_the_builds_own_login(run) -> None:
    dockerfile = "FROM ubuntu:24.04"
    ended = run(specification(build=f"{{commands: ['echo {dockerfile} > Dockerfile', 'docker build -t x:1 .']}}"))
    assert ended.status == "FAILED"
    assert any("Dockerfile:1: FROM: No such image: ubuntu:24.04" in line for line in ended.said)
