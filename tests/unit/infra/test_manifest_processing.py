"""What `processing:` may say, and which channels there are after it."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from infra.manifest import Manifest

STEP: dict[str, Any] = {
    "name": "frames",
    "image": {"framework": "pytorch", "version": "2.13"},
    "script": "process.py",
    "instance": {"type": "ml.m5.xlarge", "count": 3},
    "max_runtime_seconds": 3600,
    "parameters": {"frames": 15, "grey": True, "size": "32x32"},
    "inputs": {"videos": "sharded", "classes": "replicated"},
    "outputs": ["train", "validation"],
}
SECOND = {**STEP, "name": "scale", "inputs": {"train": "replicated"}, "outputs": ["scaled"]}


def manifest(*steps: dict[str, Any], channels: list[str] | None = None, holdout: str = "validation") -> Manifest:
    instance = {"type": "ml.m5.large"}
    training = {"image": STEP["image"], "instance": instance, "max_runtime_seconds": 60}
    return Manifest.model_validate(
        {
            "name": "clips",
            "description": "Clips.",
            "data": {"channels": {"videos": ["*.mp4"], "classes": ["classes.txt"]}},
            "processing": list(steps),
            "training": {**training, "channels": channels} if channels else training,
            "evaluation": {"instance": instance, "channel": holdout},
            "gate": {"metric": "accuracy", "goal": "maximize", "max_regression": 0.01},
            "approval": "automatic",
            "serving": {"instance": instance},
            "rollout": {"strategy": "all_at_once"},
        }
    )


def test_outputs_are_channels_for_later_steps_for_training_and_for_evaluation() -> None:
    made = manifest(STEP, SECOND, channels=["train", "scaled", "classes"])
    assert made.training_channels == ["train", "scaled", "classes"]
    assert made.evaluation.channel == "validation"
    assert made.processing[0].parameters == {"frames": 15, "grey": True, "size": "32x32"}


def test_without_a_choice_training_gets_the_channels_of_the_data() -> None:
    assert manifest(STEP).training_channels == ["videos", "classes"]


def test_the_order_of_the_parameters_values_keeps_their_types() -> None:
    values = manifest({**STEP, "parameters": {"a": 1, "b": 1.0, "c": True, "d": "1"}}).processing[0].parameters
    assert {name: type(value) for name, value in values.items()} == {"a": int, "b": float, "c": bool, "d": str}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"name": "eval"}, "is the name of a job that every run has"),
        ({"name": "Frames"}, "pattern"),
        ({"name": "frames-"}, "pattern"),
        ({"name": "a" * 21}, "at most 20"),
        ({"inputs": {"audio": "sharded"}}, "'audio' is neither a channel of the data nor an output"),
        ({"inputs": {"train": "sharded"}}, "'train' is neither a channel of the data nor an output"),
        ({"inputs": {"videos": "divided"}}, "'replicated' or 'sharded'"),
        ({"inputs": {}}, "at least 1"),
        ({"outputs": ["videos"]}, "'videos' is taken"),
        ({"outputs": ["train", "train"]}, "'train' is taken"),
        ({"outputs": ["code"]}, "'code' is taken"),
        ({"outputs": [".."]}, "pattern"),
        ({"parameters": {"input-videos": "x"}}, "are given by the driver"),
        ({"parameters": {"words": ["a"]}}, "valid"),
        ({"instance": {"type": "ml.huge"}}, "is not an instance type"),
        ({"surprise": 1}, "unknown key 'surprise'"),
    ],
)
def test_a_step_that_cannot_run_is_refused(change: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match="processing") as error:
        manifest({**STEP, **change})
    assert told in str(error.value)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (
            {"channels": ["train", "test"]},
            "training.channels.1 'test' is not a channel: allowed: videos, classes, train",
        ),
        ({"channels": ["train", "train"]}, "training.channels names one twice"),
        ({"holdout": "test"}, "evaluation.channel 'test' is not a channel"),
    ],
)
def test_channels_that_nothing_makes_are_refused(options: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError) as error:
        manifest(STEP, **options)
    assert told in str(error.value)


def test_two_steps_of_one_name_are_refused() -> None:
    with pytest.raises(ValidationError, match=r"processing\.1\.name: 'frames' is the name of an earlier step"):
        manifest(STEP, {**SECOND, "name": "frames"})


def test_a_spark_step_has_one_instance() -> None:
    spark = {**STEP, "image": {"framework": "spark", "version": "3.5"}}
    with pytest.raises(ValidationError, match=r"instance\.count: 3 is more than a Spark step can use: allowed: 1"):
        manifest(spark)
    assert manifest({**spark, "instance": {"type": "ml.m5.xlarge"}}).processing[0].instance.count == 1
