"""Starting, finding and stopping the embedded cloud of a state folder, from another process.

One cloud a folder: a server holds ``<state>/lock`` while it lives. It leaves ``<state>/instance.json`` with its pid
and start time, so that a pid that has been given to another process since is not taken for it.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from localcloud import config as configuration
from localcloud import processes
from localcloud.config import HOST, Config

STATUS_PATH = "/_localcloud/status"
_START_SECONDS = 60.0
_STOP_SECONDS = 30.0
_POLL_SECONDS = 0.02


class LifecycleError(Exception):
    """What a person did or met that keeps the cloud from starting or stopping; the message says what to do."""


@dataclass(frozen=True, kw_only=True)
class Instance:
    """The server of a state folder."""

    pid: int
    start_time: str
    port: int

    @property
    def alive(self) -> bool:
        return processes.start_time(self.pid) == self.start_time


def describe(config: Config, instance: Instance, status: dict[str, Any]) -> dict[str, Any]:
    """What ``start`` and ``status`` print."""
    return {**_address(config, instance.pid), "restored": status["restored"]}


def _address(config: Config, pid: int) -> dict[str, Any]:
    return {
        "endpoint_url": config.endpoint_url,
        "pid": pid,
        "region": config.region,
        "account": config.account,
        "access_key_id": config.access_key_id,
        "secret_access_key": config.secret_access_key,
        "state": str(config.state_dir),
    }


def status(state_dir: Path) -> dict[str, Any] | None:
    """The description of the folder's running cloud, or None."""
    instance = read_instance(state_dir)
    if instance is None or not instance.alive:
        return None
    config = configuration.load(state_dir, instance.port)
    answer = _ask(config)
    return describe(config, instance, answer) if answer and answer["pid"] == instance.pid else None


def start(state_dir: Path, port: int, *, listening: Callable[[dict[str, Any]], None] | None = None) -> dict[str, Any]:
    """Start the cloud in the background and return when it answers. A running one is left as it is.

    `listening` is told how to reach it (what `describe` says, but for `restored`) as soon as requests may be sent: they
    are answered when it is ready. Raises LifecycleError when the port is taken, the folder is in use, or the server
    does not come up.
    """
    running = status(state_dir)
    if running is not None:
        if running["endpoint_url"] != f"http://{HOST}:{port}":
            raise LifecycleError(
                f"the embedded cloud of {state_dir} already runs at {running['endpoint_url']}; "
                f"stop it first, or use another --state for port {port}"
            )
        return running
    config = configuration.load(state_dir, port)
    log = config.state_dir / "logs" / "server.log"
    log.parent.mkdir(exist_ok=True)
    with bind(port) as listener, log.open("ab") as output:
        offset = output.tell()
        server = _spawn(config, listener, output)
    if listening:
        listening(_address(config, server.pid))
    return _wait_until_ready(config, server, log, offset)


def _spawn(config: Config, listener: socket.socket, output: IO[bytes]) -> subprocess.Popen:
    """The server; what comes to the port while it starts waits in the socket's queue."""
    options = {"--state": config.state_dir, "--port": config.port, "--listener": listener.fileno()}
    command = [sys.executable, "-m", "localcloud", "serve", *(str(part) for pair in options.items() for part in pair)]
    environment = {**os.environ, "PYTHONPATH": _python_path()}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # it would make every start compile its imports again
    return subprocess.Popen(  # noqa: S603
        command,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        start_new_session=True,
        env=environment,
        pass_fds=[listener.fileno()],
    )


def stop(state_dir: Path) -> bool:
    """Stop the folder's cloud and everything it started; False when none ran."""
    instance = read_instance(state_dir)
    if instance is None or not instance.alive:
        return False
    os.kill(instance.pid, signal.SIGTERM)
    deadline = time.monotonic() + _STOP_SECONDS
    while time.monotonic() < deadline:
        # The lock is also held by the guardian, until the last child has ended.
        if not instance.alive and _lock_is_free(state_dir):
            return True
        time.sleep(_POLL_SECONDS)
    raise LifecycleError(f"process {instance.pid} did not end within {_STOP_SECONDS:.0f} s; see {state_dir}/logs")


def take_lock(state_dir: Path) -> IO[str]:
    """Hold the folder for this process and its forks, waiting a little for a dying server. Raises LifecycleError."""
    file = (state_dir / "lock").open("w", encoding="utf-8")
    deadline = time.monotonic() + 10
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return file
        except BlockingIOError:
            instance = read_instance(state_dir)
            if (instance and instance.alive) or time.monotonic() > deadline:
                raise LifecycleError(
                    f"another embedded cloud uses {state_dir} (pid {instance.pid if instance else 'unknown'}); "
                    "stop it, or choose another --state"
                ) from None
        time.sleep(_POLL_SECONDS)


def bind(port: int) -> socket.socket:
    """The listening socket on loopback. Raises LifecycleError, naming the port."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
        listener.listen(1024)
    except OSError as error:
        listener.close()
        raise LifecycleError(
            f"port {port} on {HOST} cannot be used ({error.strerror}); "
            "stop the program that uses it, or choose another port with --port"
        ) from error
    return listener


def listener_of(descriptor: int) -> socket.socket:
    """The listening socket that `start` handed over."""
    os.set_inheritable(descriptor, False)
    return socket.socket(fileno=descriptor)


def write_instance(config: Config) -> None:
    """Record this process as the folder's server."""
    own = processes.start_time(os.getpid())
    instance = Instance(pid=os.getpid(), start_time=own or "", port=config.port)
    path = config.state_dir / "instance.json"
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps(asdict(instance)), encoding="utf-8")
    temporary.replace(path)


def read_instance(state_dir: Path) -> Instance | None:
    try:
        return Instance(**json.loads((state_dir / "instance.json").read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None


def _wait_until_ready(config: Config, server: subprocess.Popen, log: Path, offset: int) -> dict[str, Any]:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        instance = read_instance(config.state_dir)
        answer = _ask(config) if instance and instance.alive else None
        if instance and answer and answer["pid"] == instance.pid:
            return describe(config, instance, answer)
        if server.poll() is not None:
            raise LifecycleError(f"the embedded cloud did not start:\n{_tail(log, offset)}")
        time.sleep(_POLL_SECONDS)
    server.terminate()
    raise LifecycleError(f"the embedded cloud did not answer within {_START_SECONDS:.0f} s:\n{_tail(log, offset)}")


def _ask(config: Config) -> dict[str, Any] | None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(config.endpoint_url + STATUS_PATH, timeout=5) as answer:
            return json.load(answer)
    except (urllib.error.URLError, ConnectionError, TimeoutError, ValueError):
        return None


def _lock_is_free(state_dir: Path) -> bool:
    with (state_dir / "lock").open("a", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


def _python_path() -> str:
    """The server must import this very package, whatever the current folder is."""
    root = str(Path(__file__).resolve().parent.parent)
    return os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH", "")]))


def _tail(log: Path, offset: int, lines: int = 15) -> str:
    with log.open("rb") as file:
        file.seek(offset)
        text = file.read().decode("utf-8", errors="replace")
    return "\n".join(text.splitlines()[-lines:]) + f"\n(log: {log})"
