"""The command line on an embedded cloud of our own, as a person types it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent


class CommandFailed(Exception):
    """A command that ended with an exit code other than 0; the message is what it printed."""


class Slipway:
    """`slipway` for the embedded cloud whose state is in `state`, on `port`."""

    def __init__(self, *, state: Path, port: int) -> None:
        self.state = state
        self.port = port

    def run(self, *arguments: str) -> str:
        """Standard output of `slipway ARGUMENTS`. Raises CommandFailed."""
        variables = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SLIPWAY_"))}
        done = subprocess.run(
            [sys.executable, "-m", "cli", "--state", str(self.state), "--port", str(self.port), *arguments],
            cwd=ROOT,
            env=variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise CommandFailed(f"slipway {' '.join(arguments)}:\n{done.stdout}{done.stderr}".strip())
        return done.stdout

    def json(self, *arguments: str) -> Any:
        return json.loads(self.run(*arguments))

    def up(self, workload: str) -> None:
        self.run("up", workload)

    def train(self, workload: str, dataset: Path, **hyperparameters: object) -> dict[str, Any]:
        """What the command says of the run, which ended with its model in service."""
        settings = [word for name, value in hyperparameters.items() for word in ("--set", f"{name}={value}")]
        return self.json("train", workload, "--data", str(dataset), *settings, "--json")

    def predict(self, workload: str, request: Path, content_type: str = "application/json") -> dict[str, Any]:
        """The API's answer to the body in a file."""
        return self.json("predict", workload, str(request), "--content-type", content_type)

    def down(self) -> None:
        self.run("down")
