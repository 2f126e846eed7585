"""By hand and on SageMaker the script gets the same hyperparameters, unless somebody says otherwise."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from infra.workloads import CodeRoots, find_workloads

ROOT = Path(__file__).resolve().parents[4]


def test_the_manifests_defaults_are_those_of_the_script() -> None:
    roots = CodeRoots(training=ROOT / "training_code", inference=ROOT / "inference_code")
    workload = next(found for found in find_workloads(roots) if found.name == "mnist_lightning")
    spec = importlib.util.spec_from_file_location("mnist_train", roots.training / "mnist_lightning" / "train.py")
    train = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(train)
    defaults = vars(train.parse(["--train", "a", "--test", "b", "--model-dir", "c"]))
    declared = {name: given.default for name, given in workload.manifest.training.hyperparameters.items()}
    assert declared == {name: defaults[name] for name in declared}
