"""Starts, finds and stops the embedded cloud. It is another program: nothing of it is imported here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from cli import programs
from cli.errors import CliError, CommandFailed
from cli.target import Endpoint

DEFAULT_PORT = 4566
DEFAULT_STATE = programs.ROOT / ".slipway" / "localcloud"


@dataclass(frozen=True)
class Starting:
    """An embedded cloud that listens at `endpoint`; what is asked before it is ready waits."""

    endpoint: Endpoint
    _wait: Callable[[], None] = lambda: None

    def wait(self) -> None:
        """Return when it is ready. Raises CommandFailed with its last words when it does not come up."""
        self._wait()


@dataclass(frozen=True)
class EmbeddedCloud:
    """One embedded cloud: the folder that holds its state, and the port on 127.0.0.1 it is to listen on.

    `port` None means the one it listens on already, or 4566.
    """

    state: Path = DEFAULT_STATE
    port: int | None = None

    def start(self) -> Endpoint:
        """Start it, or find it already running on this state folder. Raises CommandFailed with its last words."""
        starting = self.begin()
        starting.wait()
        return starting.endpoint

    def begin(self) -> Starting:
        """Start it and return when it listens, or find it running. Raises CommandFailed with its last words."""
        running = self.running() if self.port is None else None
        if running:
            return Starting(running)
        port = self.port or DEFAULT_PORT
        process = self._process("start", "--state", str(self.state), "--port", str(port), "--announce")
        assert process.stdout  # noqa: S101 - narrows the type
        announced = process.stdout.readline()

        @cache
        def wait() -> None:
            output, errors = process.communicate()
            if process.returncode != 0:
                raise CommandFailed(
                    f"The embedded cloud did not start on port {port}:\n" + _last_words(output, errors),
                    hint=f"Its logs are in {self.state / 'logs'}. If the port is taken: slipway --port N up.",
                )

        if not announced:
            wait()
        return Starting(_endpoint(announced), wait)

    def running(self) -> Endpoint | None:
        """How to reach it, or None when it does not run."""
        result = self._command("status", "--state", str(self.state))
        return _endpoint(result.stdout) if result.returncode == 0 else None

    def require(self) -> Endpoint:
        """How to reach it; raises CliError when it does not run."""
        endpoint = self.running()
        if endpoint is None:
            raise CliError("The embedded cloud is not running.", hint="Start it and deploy to it: slipway up")
        return endpoint

    def stop(self) -> bool:
        """Stop it and wait for its end; False when it was not running."""
        if self.running() is None:
            return False
        result = self._command("stop", "--state", str(self.state))
        if result.returncode != 0:
            raise CommandFailed("The embedded cloud did not stop:\n" + _last_words(result.stdout, result.stderr))
        return True

    def administer(self, *arguments: str) -> None:
        """What no AWS API does: `interrupt`, `crash`, `throttle` ... Raises CommandFailed with what was said."""
        result = self._command(*arguments, "--state", str(self.state))
        if result.returncode != 0:
            raise CommandFailed(
                f"python -m localcloud {arguments[0]} was refused:\n" + _last_words(result.stdout, result.stderr)
            )

    def _command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        process = self._process(*arguments)
        output, errors = process.communicate()
        return subprocess.CompletedProcess(process.args, process.returncode, output, errors)

    def _process(self, *arguments: str) -> subprocess.Popen[str]:
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        return subprocess.Popen(  # noqa: S603 - our own module, and no shell reads the arguments
            [sys.executable, "-m", "localcloud", *arguments],
            cwd=programs.ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


def bypass_proxies(environment: MutableMapping[str, str]) -> None:
    """Keep calls to loopback out of the person's HTTP proxy, for the SDK, urllib and child processes alike."""
    for name in ("no_proxy", "NO_PROXY"):
        hosts = [host for host in environment.get(name, "").split(",") if host]
        environment[name] = ",".join(dict.fromkeys([*hosts, "127.0.0.1", "localhost"]))


def _endpoint(output: str) -> Endpoint:
    """Read the JSON line of `start` and `status` (the last line, should a library print before it)."""
    told = json.loads(output.strip().splitlines()[-1])
    return Endpoint(
        url=told["endpoint_url"].rstrip("/"),
        region=told["region"],
        access_key_id=told["access_key_id"],
        secret_access_key=told["secret_access_key"],
    )


def _last_words(output: str, errors: str) -> str:
    return "\n".join(f"  {line}" for line in (errors or output).strip().splitlines()[-15:])
