"""A training container's /opt/ml in a temporary folder, with the driver as the zip that it is in a job."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.support.container_python import ROOT, container_environment

DRIVER = ROOT / "training_code" / "entrypoint"
sys.path.insert(0, str(DRIVER))  # as in the zip, where the package `driver` lies at the top
LIMIT_SECONDS = 120


class Container:
    """What SageMaker puts into a container, and what the container leaves."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.driver = root / "input/data/entrypoint/1234.zip"
        for folder in ("input/config", "input/data/entrypoint", "input/data/code"):
            (root / folder).mkdir(parents=True)
        with zipfile.ZipFile(self.driver, "w") as archive:
            for path in sorted(DRIVER.rglob("*.py")):
                archive.write(path, path.relative_to(DRIVER))
        self.configure()

    def configure(
        self,
        hyperparameters: Mapping[str, object] | None = None,
        channels: tuple[str, ...] = (),
        hosts: tuple[str, ...] = ("algo-1",),
        current_host: str | None = None,
    ) -> None:
        for name in channels:
            (self.root / "input/data" / name).mkdir(exist_ok=True)
        resources = {"current_host": current_host or hosts[0], "hosts": hosts, "network_interface_name": "lo"}
        self._config("hyperparameters", hyperparameters or {})
        self._config("inputdataconfig", {name: {} for name in (*channels, "code", "entrypoint")})
        self._config("resourceconfig", resources)

    def code(self, files: Mapping[str, str]) -> None:
        with zipfile.ZipFile(self.root / "input/data/code/abcd.zip", "w") as archive:
            for name, text in files.items():
                archive.writestr(name, text)

    def start(
        self, *, python: Path | str = sys.executable, script: str = "train.py", **variables: str
    ) -> subprocess.Popen[str]:
        environment = {
            **container_environment(),
            "SLIPWAY_ML_ROOT": str(self.root),
            "SLIPWAY_SCRIPT": script,
            **variables,
        }
        return subprocess.Popen(
            [python, self.driver], env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )

    def run(self, **options: str) -> subprocess.CompletedProcess[str]:
        process = self.start(**options)
        try:
            out, err = process.communicate(timeout=LIMIT_SECONDS)
        finally:
            process.kill()
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    @property
    def failure(self) -> str | None:
        path = self.root / "output/failure"
        return path.read_text() if path.exists() else None

    def _config(self, name: str, document: object) -> None:
        (self.root / "input/config" / f"{name}.json").write_text(json.dumps(document))


@pytest.fixture
def make_container(tmp_path: Path) -> Callable[[str], Container]:
    return lambda name: Container(tmp_path / name)


@pytest.fixture
def container(make_container: Callable[[str], Container]) -> Container:
    return make_container("ml")
