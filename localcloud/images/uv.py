"""Running uv: what it is told, and its own words when it fails."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from uv import find_uv_bin

from localcloud.images.errors import EnvironmentBuildFailed

_LAST_LINES = 12
_MACHINES_OWN = ("UV_FIND_LINKS", "UV_TORCH_BACKEND", "UV_NO_INDEX")


def create(folder: Path, interpreter: Path, *, log: Path) -> None:
    """An empty environment whose programs keep working when the folder is renamed."""
    _run(["venv", "--relocatable", "--python", str(interpreter), str(folder)], log=log, what=f"Python {interpreter}")


def install(folder: Path, lines: Sequence[str], *, log: Path, source: str) -> None:
    """Installs requirement lines into the environment and compiles them: containers start often, installs are rare.

    Raises EnvironmentBuildFailed with uv's last lines.
    """
    requirements = folder / "requirements.txt"
    requirements.unlink(missing_ok=True)  # it may be a link to that of the layer below
    requirements.write_text("\n".join(lines) + "\n", encoding="utf-8")
    command = ["pip", "install", "--compile-bytecode", "--python", str(folder / "bin/python")]
    _run([*command, "--requirement", str(requirements)], log=log, what=source)


def compile_pins(source: Path, *, excludes: Path) -> str:
    """`source` (an .in file) as exact versions for every platform, without index addresses."""
    options = ["--universal", "--python-version", "3.11", "--no-emit-index-url", "--no-emit-find-links", "--no-header"]
    command = [find_uv_bin(), "pip", "compile", "--quiet", *options, "--excludes", excludes.name, source.name]
    # Only the package index counts: what one machine has at hand must not get into the pins (torch==...+cpu).
    variables = {name: value for name, value in os.environ.items() if name not in _MACHINES_OWN}
    done = subprocess.run(command, cwd=source.parent, env=variables, capture_output=True, text=True)  # noqa: S603
    if done.returncode != 0:
        raise EnvironmentBuildFailed(f"{source.name} cannot be pinned: {done.stderr.strip()}")
    return done.stdout


def find_python(version: str) -> Path | None:
    """This machine's Python `version` ("3.12"), or None; never downloads one."""
    command = [find_uv_bin(), "python", "find", "--no-python-downloads", "--no-project", "--system", version]
    done = subprocess.run(command, capture_output=True, text=True)  # noqa: S603
    return Path(done.stdout.strip()).resolve() if done.returncode == 0 else None


def environment(inherited: Mapping[str, str]) -> dict[str, str]:
    """uv's environment variables.

    uv does not read pip's settings, so a wheel folder that pip is told of is passed on. Where there is none with a
    torch wheel, uv chooses PyTorch's build for this machine: the default one brings gigabytes of GPU packages.
    """
    variables = {name: value for name, value in inherited.items() if name not in ("VIRTUAL_ENV", "PYTHONPATH")}
    links = variables.get("UV_FIND_LINKS") or ",".join(variables.get("PIP_FIND_LINKS", "").split())
    if links:
        variables["UV_FIND_LINKS"] = links
    if not any(_may_hold_torch(link) for link in links.split(",") if link):
        variables.setdefault("UV_TORCH_BACKEND", "auto")
    variables.update(UV_NO_PROGRESS="1", UV_PYTHON_DOWNLOADS="never")
    return variables


def _may_hold_torch(link: str) -> bool:
    return "://" in link or any(Path(link).glob("torch-*.whl"))


def _run(arguments: Sequence[str], *, log: Path, what: str) -> None:
    with log.open("ab") as output:
        start = output.tell()
        # Not in the caller's folder: uv would read its pyproject.toml.
        done = subprocess.run(  # noqa: S603
            [find_uv_bin(), *arguments],
            cwd=log.parent,
            env=environment(os.environ),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    if done.returncode != 0:
        with log.open("rb") as written:
            written.seek(start)
            lines = written.read().decode(errors="replace").strip().splitlines()
        raise EnvironmentBuildFailed(f"{what}: " + "\n".join(lines[-_LAST_LINES:]))
