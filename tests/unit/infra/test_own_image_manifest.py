"""A manifest with `training.image.dockerfile`: what makes sense together, and what is said where it does not."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.manifest_images import OWN_IMAGE_METRICS
from infra.workloads import CodeRoots, ManifestError, Workload, find_workloads

GOOD: dict[str, Any] = {
    "name": "flowers",
    "description": "Flowers.",
    "data": {"channels": {"train": ["*.csv"], "test": ["*.csv"]}},
    "training": {
        "image": {"dockerfile": "Dockerfile"},
        "instance": {"type": "ml.m5.large"},
        "max_runtime_seconds": 600,
    },
    "evaluation": {"instance": {"type": "ml.m5.large"}, "channel": "test", "label_column": "species"},
    "gate": {"metric": "accuracy", "goal": "maximize", "max_regression": 0.01},
    "approval": "automatic",
    "serving": {"instance": {"type": "ml.m5.large"}},
    "rollout": {"strategy": "all_at_once"},
}


@pytest.fixture
def roots(tmp_path: Path) -> CodeRoots:
    """An untouched image: one folder with a Dockerfile, nothing of ours."""
    roots = CodeRoots(training=tmp_path / "training_code", inference=tmp_path / "inference_code")
    (roots.training / "flowers").mkdir(parents=True)
    (roots.training / "flowers/Dockerfile").touch()
    return roots


def found(roots: CodeRoots, **sections: dict[str, Any]) -> Workload:
    document = copy.deepcopy(GOOD)
    for section, members in sections.items():
        document[section] |= members
        document[section] = {name: value for name, value in document[section].items() if value is not ...}
    (roots.training / "flowers/workload.yaml").write_text(yaml.safe_dump(document), "utf-8")
    (workload,) = find_workloads(roots)
    return workload


def test_a_folder_with_a_dockerfile_is_a_workload(roots: CodeRoots) -> None:
    workload = found(roots)
    assert workload.manifest.training.own_image.dockerfile == "Dockerfile"
    assert not workload.inference_folder.exists()


@pytest.mark.parametrize("column", ["species", 0, -1])
def test_the_label_is_a_name_or_a_position(roots: CodeRoots, column: str | int) -> None:
    assert found(roots, evaluation={"label_column": column}).manifest.evaluation.label_column == column


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({"training": {"image": {"dockerfile": "docker/Missing"}}}, "dockerfile: 'docker/Missing': needs"),
        ({"training": {"image": {"dockerfile": "../Dockerfile"}}}, "must be a file inside the workload's"),
        (
            {"training": {"image": {"dockerfile": "Dockerfile", "framework": "pytorch"}}},
            "training.image: unknown key 'framework': allowed: dockerfile",
        ),
        ({"training": {"script": "train.py"}}, "starts its `train`"),
        ({"evaluation": {"label_column": ...}}, "evaluation.label_column: needed with training.image.dockerfile"),
        ({"evaluation": {"label_column": True}}, "evaluation.label_column"),
        ({"gate": {"metric": "auc"}}, "gate.metric 'auc' is not measured with"),
        ({"gate": {"slices": {"max_regression": 0.1}}}, "gate.slices is not measured with training.image.dockerfile"),
        ({"gate": {"max_latency_ms": 5}}, "gate.max_latency_ms is not measured with training.image.dockerfile"),
        (
            {"training": {"image": {"framework": "pytorch", "version": "2.13"}}},
            "evaluation.label_column 'species' has no meaning",
        ),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(roots: CodeRoots, sections: dict[str, Any], message: str) -> None:
    with pytest.raises(ManifestError) as refused:
        found(roots, **sections)
    assert message in str(refused.value)
    assert str(refused.value).startswith("training_code/flowers/workload.yaml: ")
    assert "<" not in str(refused.value)


@pytest.mark.parametrize("metric", OWN_IMAGE_METRICS)
def test_what_the_evaluator_measures_may_decide(roots: CodeRoots, metric: str) -> None:
    assert found(roots, gate={"metric": metric}).manifest.gate.metric == metric
