"""A training container's /opt/ml in a temporary folder, with the driver as the zip that it is in a job."""

from __future__ import annotations

import json
import shutil
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
        _zip_driver(self.driver)
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
        folder = "processing/input" if (self.root / "processing").exists() else "input/data"
        with zipfile.ZipFile(self.root / folder / "code/abcd.zip", "w") as archive:
            for name, text in files.items():
                archive.writestr(name, text)

    def start(
        self, *arguments: str, python: Path | str = sys.executable, script: str = "train.py", **variables: str
    ) -> subprocess.Popen[str]:
        environment = {
            **container_environment(),
            "SLIPWAY_ML_ROOT": str(self.root),
            "SLIPWAY_SCRIPT": script,
            **variables,
        }
        return subprocess.Popen(
            [python, self.driver, *arguments],
            env=environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def run(self, *arguments: str, **options: str) -> subprocess.CompletedProcess[str]:
        process = self.start(*arguments, **options)
        try:
            out, err = process.communicate(timeout=LIMIT_SECONDS)
        finally:
            process.kill()
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def configure_processing(
        self,
        inputs: tuple[str, ...] = (),
        outputs: tuple[str, ...] = (),
        hosts: tuple[str, ...] = ("algo-1",),
        current_host: str | None = None,
    ) -> None:
        """The files of a processing job in the place of a training job's."""
        shutil.rmtree(self.root / "input")
        places = ("entrypoint", "code", *inputs)
        for name in places:
            (self.root / "processing/input" / name).mkdir(parents=True)
        self.driver = self.root / "processing/input/entrypoint" / self.driver.name
        _zip_driver(self.driver)
        config = self.root / "config"
        config.mkdir()
        job = {
            "ProcessingInputs": [_place("Input", name, "input") for name in places],
            "ProcessingOutputConfig": {"Outputs": [_place("Output", name, "output") for name in outputs]},
        }
        (config / "processingjobconfig.json").write_text(json.dumps(job))
        resources = {"current_host": current_host or hosts[0], "hosts": hosts}
        (config / "resourceconfig.json").write_text(json.dumps(resources))

    @property
    def message(self) -> str | None:
        path = self.root / "output/message"
        return path.read_text() if path.exists() else None

    @property
    def failure(self) -> str | None:
        path = self.root / "output/failure"
        return path.read_text() if path.exists() else None

    def _config(self, name: str, document: object) -> None:
        (self.root / "input/config" / f"{name}.json").write_text(json.dumps(document))


def _zip_driver(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for source in sorted(DRIVER.rglob("*.py")):
            archive.write(source, source.relative_to(DRIVER))


def _place(kind: str, name: str, folder: str) -> dict[str, object]:
    return {f"{kind}Name": name, f"S3{kind}": {"LocalPath": f"/opt/ml/processing/{folder}/{name}", "S3Uri": "s3://b/k"}}


@pytest.fixture
def make_container(tmp_path: Path) -> Callable[[str], Container]:
    return lambda name: Container(tmp_path / name)


@pytest.fixture
def container(make_container: Callable[[str], Container]) -> Container:
    return make_container("ml")
