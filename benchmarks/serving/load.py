"""Load by wrk (https://github.com/wg/wrk): as many connections as are asked for, each one request after the other."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path

_SCRIPT = Path(__file__).parent / "requests.lua"
_ERRORS = ("status", "connect", "read", "write", "timeout")


class WrongAnswers(RuntimeError):
    """A server that is being timed answered with an error, or not at all."""


@dataclass(frozen=True)
class Load:
    """Requests per second, and latencies in milliseconds."""

    per_second: float
    p50: float
    p99: float

    def document(self) -> dict[str, float]:
        return asdict(self)


def require_wrk() -> str:
    """The program. Raises SystemExit that tells how to install it."""
    found = shutil.which("wrk")
    if not found:
        raise SystemExit("wrk is not on the PATH; install it: apt-get install wrk, or brew install wrk")
    return found


def measure(url: str, bodies: Path, *, connections: int, seconds: int) -> Load:
    """Posts the lines of the file `bodies` in turns. Raises WrongAnswers for a single answer that is not 2xx or 3xx,
    and for a connection that fails.
    """
    options = ["-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "20s", "-s", str(_SCRIPT)]
    command = [require_wrk(), *options, url, "--", str(bodies), "application/json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"wrk ended with {done.returncode}:\n{done.stdout}")
    told = json.loads(done.stdout.strip().splitlines()[-1])
    if wrong := {kind: told[kind] for kind in _ERRORS if told[kind]}:
        raise WrongAnswers(f"{url}, {connections} connections: of {told['requests']} requests failed: {wrong}")
    if not told["requests"]:
        raise WrongAnswers(f"{url}, {connections} connections: no request was answered within {seconds} s")
    return Load(1e6 * told["requests"] / told["microseconds"], told["p50"] / 1e3, told["p99"] / 1e3)
