"""What `tuning:` may say, given the declared hyperparameters and metrics."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from infra.manifest import Manifest

HYPERPARAMETERS = {
    "hidden": {"type": "int", "default": 8, "minimum": 1, "maximum": 64},
    "learning_rate": {"type": "float", "default": 0.01, "minimum": 0.0, "maximum": 1.0},
    "network": {"type": "str", "default": "cnn", "choices": ["cnn", "vgg", "resnet"]},
    "augment": {"type": "bool", "default": False},
}
SEARCH: dict[str, Any] = {
    "objective": "validation:accuracy",
    "goal": "maximize",
    "strategy": "bayesian",
    "max_jobs": 5,
    "max_parallel_jobs": 2,
    "ranges": {"hidden": {"values": [16, 32]}, "learning_rate": {"minimum": 0.0001, "maximum": 0.1}},
}


def manifest(tuning: dict[str, Any]) -> Manifest:
    instance = {"type": "ml.m5.large"}
    return Manifest.model_validate(
        {
            "name": "digits",
            "description": "Digits.",
            "data": {"channels": {"train": ["*"]}},
            "training": {
                "image": {"framework": "pytorch", "version": "2.13"},
                "instance": instance,
                "max_runtime_seconds": 60,
                "hyperparameters": HYPERPARAMETERS,
                "metrics": [{"name": "validation:accuracy", "regex": "accuracy=([0-9.]+)"}],
            },
            "tuning": tuning,
            "evaluation": {"instance": instance, "channel": "train"},
            "gate": {"metric": "accuracy", "goal": "maximize", "max_regression": 0.01},
            "approval": "automatic",
            "serving": {"instance": instance},
            "rollout": {"strategy": "all_at_once"},
        }
    )


def ranged(name: str, **given: Any) -> dict[str, Any]:
    return {**SEARCH, "max_jobs": 1, "max_parallel_jobs": 1, "ranges": {name: given}}


@pytest.mark.parametrize(
    "tuning",
    [
        SEARCH,
        ranged("hidden", minimum=1, maximum=64, scale="logarithmic"),
        ranged("learning_rate", values=[0.5, 1]),
        ranged("network", values=["cnn", "vgg"]),
        ranged("augment", values=[True, False]),
        {**ranged("hidden", values=[1, 2, 4, 8, 16]), "strategy": "grid", "max_jobs": 5},
    ],
)
def test_what_sagemaker_can_search_is_taken(tuning: dict[str, Any]) -> None:
    assert manifest(tuning).tuning is not None


@pytest.mark.parametrize(
    ("tuning", "told"),
    [
        (
            {**SEARCH, "objective": "test:accuracy"},
            "tuning.objective 'test:accuracy' is not a metric: allowed: validation",
        ),
        ({**SEARCH, "strategy": "hyperband"}, "'bayesian', 'random' or 'grid'"),
        ({**SEARCH, "max_parallel_jobs": 6}, "max_parallel_jobs 6 is above max_jobs 5"),
        ({**SEARCH, "max_jobs": 0}, "greater than or equal to 1"),
        ({**SEARCH, "ranges": {}}, "at least 1"),
        ({**SEARCH, "strategy": "grid"}, "ranges.learning_rate: strategy 'grid' needs values"),
        ({**ranged("hidden", values=[1, 2]), "max_jobs": 3}, "max_jobs 3 is above the number of combinations, 2"),
        ({**ranged("hidden", values=[1, 2]), "strategy": "grid"}, "tries every combination: allowed: 2"),
        (ranged("depth", values=[1]), "tuning.ranges.depth: is not a hyperparameter: allowed: hidden, learning_rate"),
        (ranged("hidden", values=[16, 65]), "tuning.ranges.hidden: 65 is above maximum 64"),
        (ranged("hidden", minimum=0, maximum=8), "tuning.ranges.hidden: 0 is below minimum 1"),
        (ranged("hidden", minimum=1.5, maximum=8), "tuning.ranges.hidden: 1.5 is not of type int"),
        (ranged("hidden", values=["16"]), "'16' is not of type int"),
        (ranged("hidden", values=[True]), "True is not of type int"),
        (ranged("network", values=["cnn", "alexnet"]), "'alexnet' is not allowed: allowed: ['cnn', 'vgg', 'resnet']"),
        (ranged("network", minimum=1, maximum=2), "the hyperparameter has choices: allowed: values"),
        (ranged("augment", minimum=0, maximum=1), "the hyperparameter is of type bool: allowed: values"),
        (ranged("hidden", values=[8, 8]), "names one twice"),
        (ranged("hidden", minimum=8), "needs either values, or minimum and maximum"),
        (ranged("hidden"), "needs either values, or minimum and maximum"),
        (ranged("hidden", values=[8], minimum=1, maximum=9), "needs either values, or minimum and maximum"),
        (ranged("hidden", values=[8], scale="linear"), "scale 'linear' is for minimum and maximum"),
        (ranged("learning_rate", minimum=0.0, maximum=0.1, scale="logarithmic"), "has no logarithm"),
        (ranged("learning_rate", minimum=0.0, maximum=1.0, scale="reverse_logarithmic"), "within 0 <= x < 1"),
        (ranged("hidden", minimum=8, maximum=8), "minimum 8 is not below maximum 8"),
    ],
)
def test_what_it_cannot_search_is_refused_with_the_key(tuning: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match="tuning") as error:
        manifest(tuning)
    assert told in str(error.value)


@given(st.lists(st.integers(-5, 70), min_size=1, max_size=5), st.integers(1, 8))
def test_a_search_that_is_taken_has_a_combination_for_every_job(values: list[int], jobs: int) -> None:
    search = {**ranged("hidden", values=values), "max_jobs": jobs}
    try:
        taken = manifest(search).tuning
    except ValidationError:
        assert jobs > len(set(values)) or len(set(values)) < len(values) or not all(1 <= v <= 64 for v in values)
        return
    assert taken is not None
    assert jobs <= math.prod(len(one.values or []) for one in taken.ranges.values())
    assert all(1 <= value <= 64 for value in values)
