"""A training container by hand: SageMaker's layout in a folder, started by the driver, without a control plane."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Mapping
from pathlib import Path

from benchmarks.timed import Run, run
from benchmarks.trainings.comparison import THREADS, training_code
from cli.programs import ROOT

DRIVER = ROOT / "training_code" / "entrypoint"


class Container:
    """The folder that is /opt/ml, of one workload."""

    def __init__(self, root: Path, workload: str, python: Path, channels: Mapping[str, Path]) -> None:
        """`channels`: the folder that each is."""
        self._root, self._python = root, python
        self._inputs = root / "input" / "data"
        for name in ("code", "entrypoint"):
            (self._inputs / name).mkdir(parents=True)
        _zip(training_code(workload), self._inputs / "code" / "code.zip")
        _zip(DRIVER, self._inputs / "entrypoint" / "entrypoint.zip")
        for name, folder in channels.items():
            (self._inputs / name).symlink_to(folder.resolve())
        self._configure("inputdataconfig", {name: {} for name in (*channels, "code", "entrypoint")})
        hosts = {"current_host": "algo-1", "hosts": ["algo-1"], "network_interface_name": "lo"}
        self._configure("resourceconfig", hosts)

    @property
    def model(self) -> Path:
        return self._root / "model"

    def run(self, hyperparameters: Mapping[str, object]) -> Run:
        """Trains from the beginning, whatever was trained before."""
        for name in ("model", "output", "checkpoints", "code"):
            shutil.rmtree(self._root / name, ignore_errors=True)
        self._configure("hyperparameters", {name: str(value) for name, value in hyperparameters.items()})
        variables = {"SLIPWAY_ML_ROOT": str(self._root), "SLIPWAY_SCRIPT": "train.py"}
        command = [self._python, self._inputs / "entrypoint" / "entrypoint.zip"]
        return run(command, threads=THREADS, variables=variables)

    def _configure(self, name: str, document: object) -> None:
        folder = self._root / "input" / "config"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.json").write_text(json.dumps(document))


def _zip(folder: Path, path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for source in sorted(folder.rglob("*")):
            if source.is_file() and "__pycache__" not in source.parts:
                archive.write(source, source.relative_to(folder))
