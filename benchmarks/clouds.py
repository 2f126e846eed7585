"""The embedded cloud and its rival, moto's server, as processes on ports of their own."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3

from benchmarks.environments import environment
from cli.programs import ROOT

MOTO = "moto[server]==5.2.5"
LIMIT_SECONDS = 120.0


@dataclass(kw_only=True)
class Server:
    """A running one. ``pids`` are all processes that belong to it while it is idle."""

    endpoint: str
    pids: list[int]
    keys: tuple[str, str] = ("test", "test")
    clients: dict[str, Any] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        """A boto3 client, the same one at each call."""
        if service not in self.clients:
            self.clients[service] = boto3.client(
                service,
                endpoint_url=self.endpoint,
                region_name="us-east-1",
                aws_access_key_id=self.keys[0],
                aws_secret_access_key=self.keys[1],
            )
        return self.clients[service]

    def memory_mib(self) -> float:
        """Of all its processes: the proportional set size, where Linux tells it (shared pages count once)."""
        return sum(memory_kib(pid) for pid in self.pids) / 1024


class Embedded:
    """The embedded cloud of one state folder."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.port = free_port()

    def start(self) -> Server:
        shown = self._command("start", "--port", str(self.port))
        pid = shown["pid"]
        keys = (shown["access_key_id"], shown["secret_access_key"])
        return Server(endpoint=shown["endpoint_url"], pids=[pid, _parent(pid)], keys=keys)

    def kill(self, server: Server) -> None:
        os.kill(server.pids[0], signal.SIGKILL)

    def stop(self) -> None:
        subprocess.run(self._line("stop"), cwd=ROOT, check=True, stderr=subprocess.DEVNULL)

    def _command(self, *arguments: str) -> dict[str, Any]:
        done = subprocess.run(self._line(*arguments), cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
        return json.loads(done.stdout)

    def _line(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "localcloud", *arguments, "--state", str(self.state)]


class Moto:
    """moto's server, in an environment of its own in the user's cache."""

    def __init__(self) -> None:
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Server:
        command = [environment("moto", [MOTO]) / "bin" / "moto_server", "-H", "127.0.0.1", "-p", str(self.port)]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _wait_for_port(self.port)
        return Server(endpoint=f"http://127.0.0.1:{self.port}", pids=[self._process.pid])

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(30)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _wait_for_port(port: int) -> None:
    deadline = time.monotonic() + LIMIT_SECONDS
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError(f"nothing listens on port {port} after {LIMIT_SECONDS:.0f} s")


def _parent(pid: int) -> int:
    return int(_shown(pid, "ppid"))


def memory_kib(pid: int) -> int:
    rollup = Path(f"/proc/{pid}/smaps_rollup")
    if not rollup.exists():
        return int(_shown(pid, "rss"))
    return next(int(line.split()[1]) for line in rollup.read_text().splitlines() if line.startswith("Pss:"))


def _shown(pid: int, column: str) -> str:
    command = ["ps", "-o", f"{column}=", "-p", str(pid)]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
