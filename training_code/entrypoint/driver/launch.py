"""The command that starts the script: plain Python, torchrun for several hosts or devices, or Spark's."""

from __future__ import annotations

import shutil
import sys
import zlib
from pathlib import Path

from driver.errors import InvalidCode
from driver.job import Job

# All hosts of a job have to find the same port without talking, and jobs that share a machine must not meet on one.
_FIRST_PORT, _PORTS = 20000, 10000
_SPARK_SUBMIT = "smspark-submit"  # of AWS's Spark images, and only of those


def find_script(code: Path, name: str) -> Path:
    """The script's path. Raises InvalidCode."""
    script = code / name
    if not script.is_file() or code.resolve() not in script.resolve().parents:
        present = ", ".join(sorted(path.name for path in code.iterdir()))
        raise InvalidCode(f"the script {name!r} is not in the code channel, which holds: {present}")
    return script


def plain(script: Path, arguments: list[str]) -> list[str]:
    """One process of the interpreter that runs the driver; on a Spark image an application that Spark runs."""
    submit = shutil.which(_SPARK_SUBMIT)
    if submit:
        return [submit, str(script), *arguments]
    return [sys.executable, "-u", str(script), *arguments]


def command(script: Path, arguments: list[str], job: Job, *, gpus: int, job_name: str) -> list[str]:
    """The argument vector."""
    target = [str(script), *arguments]
    processes = max(gpus, 1)
    if len(job.hosts) == 1 and processes == 1:
        return plain(script, arguments)
    torchrun = [sys.executable, "-u", "-m", "torch.distributed.run", f"--nproc-per-node={processes}"]
    if len(job.hosts) == 1:
        return [*torchrun, "--standalone", *target]
    port = _FIRST_PORT + zlib.crc32(job_name.encode()) % _PORTS
    hosts = [f"--nnodes={len(job.hosts)}", f"--node-rank={job.rank}"]
    return [*torchrun, *hosts, f"--master-addr={job.hosts[0]}", f"--master-port={port}", *target]


def network_variables(job: Job) -> dict[str, str]:
    """Which interface the hosts talk over; without it NCCL and Gloo guess."""
    if len(job.hosts) == 1:
        return {}
    return {name: job.network_interface for name in ("NCCL_SOCKET_IFNAME", "GLOO_SOCKET_IFNAME")}
