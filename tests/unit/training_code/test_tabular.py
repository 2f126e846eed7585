"""What holds for the workloads with tables and a graph alike: scripts, manifests, sample data."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from infra.manifest_checks import Checks
from tests.support.container_python import ROOT, container_environment
from tests.support.workloads import sample_data, train

CHANNELS = {
    "direct_marketing_xgboost": ("train", "validation"),
    "housing_sklearn": ("train", "test"),
    "karate_club_gcn": ("train",),
}


def manifest(workload: str) -> dict:
    return yaml.safe_load((ROOT / "training_code" / workload / "workload.yaml").read_text("utf-8"))


@pytest.fixture(scope="module", params=CHANNELS)
def trained(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    return train(
        *(request.param, sample_data(request.param, folder / "data"), folder / "model"),
        *("--some_other_flag", "1"),  # the driver hands every hyperparameter on
        channels=CHANNELS[request.param],
    )


def test_every_metric_of_the_manifest_is_printed(trained):
    assert trained.done.returncode == 0, trained.done.stderr
    for metric in manifest(trained.workload)["training"]["metrics"]:
        assert re.search(metric["regex"], trained.done.stdout), metric


def test_the_same_data_gives_the_same_model(trained, tmp_path):
    again = train(trained.workload, trained.data, tmp_path, channels=CHANNELS[trained.workload])
    assert again.done.stdout == trained.done.stdout
    for path in trained.model.iterdir():
        if path.suffix != ".skops":  # its members are named by addresses in memory
            assert path.read_bytes() == (tmp_path / path.name).read_bytes(), path.name


def test_the_sample_data_is_the_same_every_time_and_is_complete(trained, tmp_path):
    sample_data(trained.workload, tmp_path)
    first, second = (
        {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in f.iterdir()} for f in (trained.data, tmp_path)
    )
    assert first == second
    patterns = [name for names in manifest(trained.workload)["data"]["channels"].values() for name in names]
    assert sorted(first) == sorted(patterns)


@pytest.mark.parametrize("workload", CHANNELS)
def test_the_manifests_defaults_are_those_of_the_script(workload):
    specification = importlib.util.spec_from_file_location("train", ROOT / "training_code" / workload / "train.py")
    script = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(script)
    folders = [word for name in (*CHANNELS[workload], "model-dir") for word in (f"--{name}", "x")]
    defaults = vars(script.parse(folders))
    declared = {name: given["default"] for name, given in manifest(workload)["training"]["hyperparameters"].items()}
    assert declared == {name: defaults[name] for name in declared}
    assert defaults["model_dir"] == Path("x")


DAMAGE = [
    ("housing_sklearn", "train.csv", "\n1,2\n", r"InvalidTable: train.csv line \d+: 2 values for 13 columns"),
    ("housing_sklearn", "test.csv", "\n" + ",".join(["1"] * 12) + ",NaN\n", "'medv': expected a number, got 'NaN'"),
    ("direct_marketing_xgboost", "validation.csv", ",".join(["1"] * 20) + ",2\n", "'y': expected 0 or 1, got '2'"),
    ("karate_club_gcn", "edges.csv", "0,x\n", "InvalidGraph: edges.csv line 80: expected a node's number"),
    ("karate_club_gcn", "known.csv", "34,Officer\n", "known.csv line 4: node 34 has no edge"),
    ("karate_club_gcn", "known.csv", "0,Officer\n", "known.csv line 4: node 0 is labelled twice"),
]  # fmt: skip


@pytest.mark.parametrize(("workload", "name", "added", "told"), DAMAGE)
def test_a_damaged_file_ends_the_run_with_its_place(workload, name, added, told, tmp_path):
    data = sample_data(workload, tmp_path / "data")
    with (data / name).open("a") as file:
        file.write(added.lstrip("\n"))
    run = train(workload, data, tmp_path / "model", channels=CHANNELS[workload])
    assert run.done.returncode != 0
    assert re.search(told, run.done.stderr.splitlines()[-1])
    assert not any((tmp_path / "model").iterdir())


def check(workload: str, data: Path, folder: Path) -> str:
    """The verdict of the data check by the manifest's rules, over the files of `data` put into their channels."""
    channels = manifest(workload)["data"]["channels"]
    for channel, names in channels.items():
        (folder / "data" / channel).mkdir(parents=True)
        for name in names:
            shutil.copy(data / name, folder / "data" / channel)
    rules = Checks.model_validate(manifest(workload)["data"]["checks"]).rules(channels)
    (folder / "rules.json").write_text(json.dumps(rules), encoding="utf-8")
    arguments = ["--rules", folder / "rules.json", "--data", folder / "data", "--report", folder / "report"]
    command = [sys.executable, ROOT / "training_code/checks", *arguments]
    environment = container_environment()
    return subprocess.run(command, check=True, timeout=120, env=environment, capture_output=True, text=True).stdout


def test_the_sample_data_passes_the_manifests_checks(trained, tmp_path):
    assert check(trained.workload, trained.data, tmp_path).startswith("Accepted: 0 of")


@pytest.mark.parametrize(
    ("workload", "name", "added", "told"),
    [
        ("housing_sklearn", "train.csv", ",".join(["1"] * 12) + ",nan\n", "medv"),
        ("direct_marketing_xgboost", "train.csv", "200" + ",1" * 20 + "\n", "age"),
        ("direct_marketing_xgboost", "validation.csv", "20" + ",1" * 19 + ",2\n", "y"),
        ("karate_club_gcn", "known.csv", "0,Officer\n", "node"),
        ("karate_club_gcn", "edges.csv", "-1,2\n", "source"),
    ],
)
def test_a_bad_row_is_found_before_training(workload, name, added, told, tmp_path):
    data = sample_data(workload, tmp_path / "sample")
    lines = len((data / name).read_text().splitlines())
    with (data / name).open("a") as file:
        file.write(added)
    verdict = check(workload, data, tmp_path)
    assert verdict.startswith("Refused")
    assert f"/{name}, row {lines + 1}, column {told}: " in verdict
