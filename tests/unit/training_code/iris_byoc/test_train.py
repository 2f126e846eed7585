"""The image's `train` in a container's folders, as SageMaker fills them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.support.container_python import ROOT, container_environment

CODE = ROOT / "training_code/iris_byoc"
LIMIT_SECONDS = 60


@pytest.fixture(scope="session")
def irises(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("irises")
    subprocess.run([sys.executable, CODE / "sample_data.py", folder], check=True, timeout=LIMIT_SECONDS)
    return folder


class Container:
    """`/opt/ml` of a container; every hyperparameter is a string."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "input/config").mkdir(parents=True)
        (root / "input/data").mkdir()
        self.write("hyperparameters", {})
        self.write("resourceconfig", {"current_host": "algo-1", "hosts": ["algo-1"]})
        self.write("inputdataconfig", {})

    def write(self, name: str, document: Any) -> None:
        (self.root / f"input/config/{name}.json").write_text(json.dumps(document))

    def channels(self, source: Path, **modes: str) -> None:
        self.write("inputdataconfig", {name: {"TrainingInputMode": mode} for name, mode in modes.items()})
        for name, mode in modes.items():
            if mode == "File":
                folder = self.root / "input/data" / name
                folder.mkdir()
                shutil.copy(source / f"{name}.csv", folder)
            else:
                os.mkfifo(self.root / f"input/data/{name}_0")

    def train(self) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, CODE / "train"],
            env={**container_environment(), "SLIPWAY_ML_ROOT": str(self.root)},
            capture_output=True,
            text=True,
            timeout=LIMIT_SECONDS,
            check=False,
        )

    def failure(self) -> str:
        assert self.train().returncode == 1
        assert not (self.root / "model/model.json").exists()
        return (self.root / "output/failure").read_text()

    @property
    def model(self) -> dict[str, Any]:
        return json.loads((self.root / "model/model.json").read_text())


@pytest.fixture
def container(tmp_path: Path) -> Container:
    return Container(tmp_path / "ml")


def test_a_fifth_of_every_species_is_held_out_and_all_rows_are_there_once(irises: Path) -> None:
    parts = {name: (irises / f"{name}.csv").read_text().splitlines()[1:] for name in ("train", "test")}
    assert [len(rows) for rows in parts.values()] == [120, 30]
    for species in ("setosa", "versicolor", "virginica"):
        assert sum(row.endswith(f"Iris-{species}") for row in parts["test"]) == 10
    assert sorted(int(row.split(",")[0]) for rows in parts.values() for row in rows) == list(range(1, 151))


def test_irises_are_learned_and_the_scaler_is_saved(container: Container, irises: Path) -> None:
    container.channels(irises, train="File", test="File")
    done = container.train()
    assert done.returncode == 0, done.stderr
    accuracy = float(done.stdout.split("test_accuracy=")[1].split()[0])
    assert accuracy >= 0.95
    assert container.model["features"] == ["SepalLengthCm", "SepalWidthCm", "PetalLengthCm", "PetalWidthCm"]
    assert len(container.model["mean"]) == len(container.model["scale"]) == 4
    assert not (container.root / "output/failure").exists()


def test_pipe_mode_reads_the_first_epochs_fifo_and_learns_the_same(
    container: Container, tmp_path: Path, irises: Path
) -> None:
    container.channels(irises, train="Pipe")
    text = (irises / "train.csv").read_bytes()
    header = text.splitlines(keepends=True)[0]
    lines = text.splitlines(keepends=True)[1:]

    def feed() -> None:
        # Two objects in one stream: the header comes again in the middle.
        (container.root / "input/data/train_0").write_bytes(b"".join([header, *lines[:50], header, *lines[50:]]))

    feeder = threading.Thread(target=feed, daemon=True)
    feeder.start()
    assert container.train().returncode == 0
    feeder.join(LIMIT_SECONDS)
    by_file = Container(tmp_path / "file")
    by_file.channels(irises, train="File")
    assert by_file.train().returncode == 0
    assert container.model == by_file.model


@pytest.mark.parametrize(
    ("hyperparameters", "message"),
    [
        ({"shrinkage": "much"}, "ValueError: hyperparameter shrinkage: 'much' is not a number from 0 to 1"),
        ({"shrinkage": "1.5"}, "is not a number from 0 to 1"),
        ({"epochs": "3"}, "hyperparameter 'epochs' is unknown"),
        ({"label_column": "Kind"}, "train.csv line 1: there is no column 'Kind' (label_column)"),
        ({"ignored_columns": ""}, ""),
    ],
)
def test_hyperparameters_are_strings_and_a_wrong_one_is_the_failure(
    container: Container, irises: Path, hyperparameters: dict[str, str], message: str
) -> None:
    container.write("hyperparameters", hyperparameters)
    container.channels(irises, train="File")
    if message:
        assert message in container.failure()
    else:
        assert container.train().returncode == 0
        assert container.model["features"][0] == "Id"


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("1,5.1,wide,1.4,0.2,Iris-setosa", "train.csv line 3, column SepalWidthCm: 'wide' is not a number"),
        ("1,5.1,nan,1.4,0.2,Iris-setosa", "train.csv line 3, column SepalWidthCm: 'nan' is not a finite number"),
        ("1,5.1,Iris-setosa", "train.csv line 3: 3 columns, the header has 6"),
        ("2,5.0,3.6,1.4,0.2,Iris-setosa", "the training data has one class only"),
    ],
)
def test_bad_data_is_the_failure_with_its_place(container: Container, tmp_path: Path, row: str, message: str) -> None:
    header = "Id,SepalLengthCm,SepalWidthCm,PetalLengthCm,PetalWidthCm,Species"
    (tmp_path / "train.csv").write_text(f"{header}\n1,5.1,3.5,1.4,0.2,Iris-setosa\n{row}\n")
    container.channels(tmp_path, train="File")
    failure = container.failure()
    assert failure.startswith("ValueError: ")
    assert message in failure.splitlines()[0]


def test_of_several_hosts_the_first_one_trains(container: Container, irises: Path) -> None:
    container.write("resourceconfig", {"current_host": "algo-2", "hosts": ["algo-2", "algo-1"]})
    container.channels(irises, train="File")
    assert container.train().returncode == 0
    assert not (container.root / "model").exists()


def test_by_hand_the_same_model_comes_out(container: Container, irises: Path, tmp_path: Path) -> None:
    container.channels(irises, train="File")
    assert container.train().returncode == 0
    folders = ["--train", irises, "--test", irises, "--model-dir", tmp_path / "model"]
    subprocess.run([sys.executable, CODE / "train.py", *folders], check=True, timeout=LIMIT_SECONDS)
    assert json.loads((tmp_path / "model/model.json").read_text()) == container.model
