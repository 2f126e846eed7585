"""By hand and on SageMaker the scripts get the same values, unless somebody says otherwise."""

from __future__ import annotations

import re

from infra.workloads import CodeRoots, find_workloads
from tests.support.container_python import ROOT

FOLDER = ROOT / "training_code/spam_spark"


def default(script: str, name: str) -> str:
    text = (FOLDER / script).read_text(encoding="utf-8")
    return re.search(rf'"(?:--)?{name}", type=\w+, default=([\w.]+)', text).group(1)


def test_the_manifests_defaults_are_those_of_the_scripts() -> None:
    roots = CodeRoots(training=ROOT / "training_code", inference=ROOT / "inference_code")
    manifest = next(found for found in find_workloads(roots) if found.name == "spam_spark").manifest
    hyperparameters = {name: str(given.default) for name, given in manifest.training.hyperparameters.items()}
    assert hyperparameters == {name: default("train.py", name) for name in hyperparameters}
    (step,) = manifest.processing
    parameters = {name: str(value) for name, value in step.parameters.items()}
    assert parameters == {name: default("process.py", name) for name in parameters}
