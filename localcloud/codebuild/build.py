"""A build from SUBMITTED to COMPLETED.

Phases follow https://docs.aws.amazon.com/codebuild/latest/userguide/view-build-details-phases.html: a failure before
BUILD ends the build, a failure of BUILD still runs POST_BUILD, and `on-failure` overrides both. A build with a failed
phase is FAILED, also where it was told to continue.
"""

from __future__ import annotations

import logging
import os
import shutil
import time
from datetime import UTC, datetime
from functools import partial
from typing import Any

from localcloud import clients
from localcloud.codebuild import buildspec, shims, source
from localcloud.codebuild.buildspec import Buildspec, InvalidBuildspec, Phase
from localcloud.codebuild.record import Progress
from localcloud.codebuild.shell import OutOfTime, Shell, Stopped
from localcloud.config import Config
from localcloud.containers.log_stream import LogStream
from localcloud.images import environments
from localcloud.images.docker import ACCOUNT_VARIABLE, STATE_VARIABLE

_log = logging.getLogger(__name__)
_PRINCIPAL = "codebuild.amazonaws.com"
_BUILDSPEC_FILE = "buildspec.yml"
# Of the machine's own environment a build sees what it needs to find programs and packages; nothing else.
_INHERITED = ("PATH", "LANG", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR", "NO_PROXY", "no_proxy")
_INHERITED_PREFIXES = ("PIP_", "UV_", "HTTP_", "HTTPS_", "http_", "https_")
_LOG_SECONDS = 10.0


class _Ended(Exception):
    """No further phase runs; the build has this status."""

    def __init__(self, status: str) -> None:
        super().__init__(status)
        self.status = status


class Build:
    """One build; `run` does all of it, in the caller's thread."""

    def __init__(self, config: Config, progress: Progress) -> None:
        self._config = config
        self._progress = progress
        self._record = progress.build
        self._folder = config.state_dir / "codebuild" / self._record["id"].rpartition(":")[2]
        self._deadline = time.monotonic() + self._record["timeoutInMinutes"] * 60
        self._logs = LogStream(
            partial(self._client, "logs"),
            group=self._record["logs"]["groupName"],
            stream=self._record["logs"]["streamName"],
        )
        self._shell: Shell | None = None
        self._stopped = False

    def stop(self) -> None:
        """From any thread."""
        self._stopped = True
        if self._shell:
            self._shell.stop()

    def run(self) -> None:
        """Reports every phase, and how the build ended."""
        status = "FAULT"
        try:
            status = self._phases()
        except _Ended as ended:
            status = ended.status
        except Exception:
            # A defect of ours; AWS calls its own FAULT. It must not leave a build that is waited for for ever.
            _log.exception("build %s", self._record["id"])
        finally:
            if self._shell:
                self._shell.close()
            self._logs.close(_LOG_SECONDS)
            shutil.rmtree(self._folder, ignore_errors=True)
            self._progress.finish(status)

    def _phases(self) -> str:
        for phase in ("SUBMITTED", "QUEUED"):
            self._progress.begin(phase)
            self._progress.end()
        self._provision()
        specification = self._download()
        failed = self._run_phases(specification)
        self._progress.begin("FINALIZING")
        self._progress.end()
        return "FAILED" if failed else "SUCCEEDED"

    def _provision(self) -> None:
        self._progress.begin("PROVISIONING")
        try:
            self._credentials = clients.role_credentials(
                self._config, self._record["serviceRole"], self._session, _PRINCIPAL
            )
        except clients.AccessDenied as error:
            raise self._fail("ACCESS_DENIED", str(error)) from error
        shutil.rmtree(self._folder, ignore_errors=True)
        for name in ("home", "commands"):
            (self._folder / name).mkdir(parents=True)
        shims.write(self._folder / "bin")
        self._progress.end()

    def _download(self) -> Buildspec:
        self._progress.begin("DOWNLOAD_SOURCE")
        origin, version = self._record["source"], self._record.get("sourceVersion", "")
        try:
            source.download(origin, version, self._folder / "src", partial(self._client, "s3"))
            specification = buildspec.parse(self._specification(origin.get("buildspec", "")))
        except source.SourceError as error:
            raise self._fail("CLIENT_ERROR", str(error)) from error
        except InvalidBuildspec as error:
            raise self._fail("YAML_FILE_ERROR", str(error)) from error
        self._progress.end()
        return specification

    def _specification(self, given: str) -> str:
        """An inline text, or the file of the source that is named; `buildspec.yml` where neither is."""
        if "\n" in given.strip():
            return given
        path = (self._folder / "src" / (given.strip() or _BUILDSPEC_FILE)).resolve()
        if not path.is_relative_to(self._folder.resolve()) or not path.is_file():
            raise InvalidBuildspec(f"YAML file does not exist: {given or _BUILDSPEC_FILE}")
        return path.read_text(encoding="utf-8")

    def _run_phases(self, specification: Buildspec) -> bool:
        """Whether a phase failed."""
        environment = self._environment(specification)
        failed = False
        for name in buildspec.PHASES:
            phase = specification.phases.get(name, Phase())
            self._progress.begin(name.upper())
            succeeded = self._run_phase(phase, specification.shell, environment, failed)
            failed = failed or not succeeded
            goes_on = phase.on_failure == "CONTINUE" or (phase.on_failure is None and name in ("build", "post_build"))
            if not succeeded and not goes_on:
                raise _Ended("FAILED")
        return failed

    def _run_phase(self, phase: Phase, program: str, environment: dict[str, str], failed: bool) -> bool:
        name = self._record["currentPhase"]
        self._write(f"Entering phase {name}")
        problem = ""
        for commands in (phase.commands, phase.last):
            for command in commands:
                status = self._run_command(command, program, environment, failed or bool(problem))
                if status != 0:
                    problem = (
                        problem or f"Error while executing command: {command.strip()}. Reason: exit status {status}"
                    )
                    break
        self._write(f"Phase complete: {name} State: {'FAILED' if problem else 'SUCCEEDED'}")
        if problem:
            self._write(f"Phase context status code: COMMAND_EXECUTION_ERROR Message: {problem}")
            self._progress.end("FAILED", code="COMMAND_EXECUTION_ERROR", message=problem)
        else:
            self._progress.end()
        return not problem

    def _run_command(self, command: str, program: str, environment: dict[str, str], failed: bool) -> int:
        self._write(f"Running command {command.rstrip()}")
        if self._shell is None or not self._shell.alive:
            self._shell = Shell(
                program,
                folder=self._folder / "commands",
                workdir=self._folder / "src",
                environment=environment,
                on_line=self._logs.write,
            )
        if self._stopped:
            self._shell.stop()
        state = f"export CODEBUILD_BUILD_SUCCEEDING={0 if failed else 1}\n"
        try:
            return self._shell.run(state + command, seconds=self._deadline - time.monotonic())
        except OutOfTime:
            minutes = self._record["timeoutInMinutes"]
            message = f"Build has timed out after {minutes} minutes."
            raise self._fail("BUILD_TIMED_OUT", message, status="TIMED_OUT") from None
        except Stopped:
            raise self._fail("BUILD_STOPPED", "The build was stopped.", status="STOPPED") from None

    def _fail(self, code: str, message: str, *, status: str = "FAILED") -> _Ended:
        self._write(f"Phase context status code: {code} Message: {message}")
        self._progress.end(status, code=code, message=message)
        return _Ended(status)

    def _environment(self, specification: Buildspec) -> dict[str, str]:
        """Last wins: the build specification, then the project and StartBuild, then what CodeBuild itself sets."""
        variables = {
            name: value
            for name, value in os.environ.items()
            if name in _INHERITED or name.startswith(_INHERITED_PREFIXES)
        }
        # The caches of packages and environments stay the user's own.
        variables["XDG_CACHE_HOME"] = str(environments.default_root().parent.parent)
        variables |= specification.variables
        for variable in self._record["environment"].get("environmentVariables") or []:
            if variable.get("type", "PLAINTEXT") != "PLAINTEXT":
                message = (
                    f"the environment variable {variable['name']} is of type {variable['type']}: PLAINTEXT is needed"
                )
                self._progress.begin("INSTALL")
                raise self._fail("CLIENT_ERROR", message)
            variables[variable["name"]] = variable["value"]
        return variables | self._own_variables()

    def _own_variables(self) -> dict[str, str]:
        record, config = self._record, self._config
        return {
            "PATH": f"{self._folder / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
            "HOME": str(self._folder / "home"),
            "DOCKER_CONFIG": str(self._folder / "home/.docker"),
            "AWS_ENDPOINT_URL": config.endpoint_url,
            "AWS_REGION": config.region,
            "AWS_DEFAULT_REGION": config.region,
            "AWS_ACCESS_KEY_ID": self._credentials.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self._credentials.secret_access_key,
            "AWS_SESSION_TOKEN": self._credentials.session_token,
            "CODEBUILD_BUILD_ARN": record["arn"],
            "CODEBUILD_BUILD_ID": record["id"],
            "CODEBUILD_BUILD_IMAGE": record["environment"].get("image", ""),
            "CODEBUILD_BUILD_NUMBER": str(record["buildNumber"]),
            "CODEBUILD_INITIATOR": record["initiator"],
            "CODEBUILD_LOG_PATH": record["logs"]["streamName"],
            "CODEBUILD_SOURCE_VERSION": record.get("sourceVersion", ""),
            "CODEBUILD_SRC_DIR": str(self._folder / "src"),
            "CODEBUILD_START_TIME": str(int(record["startTime"] * 1000)),
            STATE_VARIABLE: str(config.state_dir),
            ACCOUNT_VARIABLE: config.account,
        }

    @property
    def _session(self) -> str:
        return f"AWSCodeBuild-{self._record['id'].rpartition(':')[2]}"

    def _client(self, service: str) -> Any:
        return clients.role_client(self._config, service, self._record["serviceRole"], self._session, _PRINCIPAL)

    def _write(self, message: str) -> None:
        self._logs.write(f"[Container] {datetime.now(UTC):%Y/%m/%d %H:%M:%S.%f} {message}")
