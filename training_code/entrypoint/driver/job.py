"""What SageMaker tells the container: hyperparameters, channels, hosts."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from driver.errors import InvalidJobConfig

CODE_CHANNEL = "code"
DRIVER_CHANNELS = frozenset({CODE_CHANNEL, "entrypoint", "starter"})  # ours, not the script's


@dataclass(frozen=True)
class Layout:
    """The container's folders; `root` is /opt/ml."""

    root: Path

    @property
    def config(self) -> Path:
        return self.root / "input/config"

    @property
    def code(self) -> Path:
        return self.root / "code"

    @property
    def model(self) -> Path:
        return self.root / "model"

    @property
    def output(self) -> Path:
        return self.root / "output"

    @property
    def checkpoints(self) -> Path:
        return self.root / "checkpoints"

    def channel(self, name: str) -> Path:
        return self.root / "input/data" / name


@dataclass(frozen=True)
class Job:
    """One container's part of a training job.

    Attributes:
        hyperparameters: as they came, all strings.
        channels: the script's channels, sorted.
        hosts: every container of the job, the same order everywhere.
    """

    layout: Layout
    hyperparameters: dict[str, str]
    channels: tuple[str, ...]
    hosts: tuple[str, ...]
    current_host: str
    network_interface: str

    @property
    def rank(self) -> int:
        return self.hosts.index(self.current_host)


def read_job(layout: Layout) -> Job:
    """Raises InvalidJobConfig, which names the file."""
    channels = read_document(layout.config / "inputdataconfig.json")
    resources = layout.config / "resourceconfig.json"
    hyperparameters = read_document(layout.config / "hyperparameters.json", default={})
    hosts, current = read_hosts(resources)
    for name, value in hyperparameters.items():
        if not isinstance(value, str):
            raise InvalidJobConfig(
                f"hyperparameters.json: {name} is {value!r}; SageMaker's hyperparameters are strings"
            )
    return Job(
        layout=layout,
        hyperparameters=dict(hyperparameters),
        channels=tuple(sorted(set(channels) - DRIVER_CHANNELS)),
        hosts=hosts,
        current_host=current,
        network_interface=read_document(resources, default={}).get("network_interface_name", "eth0"),
    )


def read_hosts(path: Path) -> tuple[tuple[str, ...], str]:
    """All hosts and the current one, of a resourceconfig.json; one host where there is no such file."""
    resources = read_document(path, default={"current_host": "algo-1", "hosts": ["algo-1"]})
    hosts, current = resources.get("hosts"), resources.get("current_host")
    if not isinstance(hosts, list) or current not in hosts:
        raise InvalidJobConfig(f"resourceconfig.json: current_host {current!r} is not one of hosts {hosts!r}")
    return tuple(hosts), current


def read_document(path: Path, default: dict[str, Any] | None = None) -> dict[str, Any]:
    """A JSON object; `default` where the file may be missing."""
    if default is not None and not path.is_file():
        return default
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidJobConfig(f"{path}: {error}") from error
    if not isinstance(document, dict):
        raise InvalidJobConfig(f"{path}: expected a JSON object, got {type(document).__name__}")
    return document
