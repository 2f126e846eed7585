"""The shape of `training_code/<name>/workload.yaml`: everything that differs between models.

Limits are those of the SageMaker API shape that the field ends up in; the shape is named beside it.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from infra.manifest_autoscaling import Autoscaling
from infra.manifest_batching import Batching
from infra.manifest_checks import Checks
from infra.manifest_fields import (
    RESERVED_CHANNELS,
    ChannelName,
    FilePattern,
    HyperparameterName,
    ScriptName,
    Seconds,
    Strict,
    VolumeGB,
    known_to,
)
from infra.manifest_gate import Gate
from infra.manifest_images import OWN_IMAGE_METRICS, OwnImage, TrainingImage
from infra.manifest_monitoring import Monitoring
from infra.manifest_processing import ProcessingStep, channels_after
from infra.manifest_rollout import NEEDS_INSTANCES, Rollout
from infra.manifest_serverless import Serverless
from infra.manifest_triggers import Triggers
from infra.manifest_tuning import Tuning, check_tuning

VALUE_TYPES: dict[str, tuple[type, ...]] = {"int": (int,), "float": (int, float), "str": (str,), "bool": (bool,)}


def _compiles_with_one_group(value: str) -> str:
    try:
        groups = re.compile(value).groups
    except re.error as error:
        raise ValueError(f"is not a regular expression: {error}") from error
    if groups != 1:
        raise ValueError(f"has {groups} groups: allowed: exactly one, around the number")
    return value


WorkloadName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9]*(_[a-z0-9]+)*$", max_length=26)]
EnvironmentName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,511}$")]  # TrainingEnvironmentKey


class TrainingInstance(Strict):
    type: Annotated[str, known_to("TrainingInstanceType")]
    count: Annotated[int, Field(ge=1, le=100)] = 1
    volume_gb: VolumeGB = 30


class EvaluationInstance(Strict):
    type: Annotated[str, known_to("ProcessingInstanceType")]
    volume_gb: VolumeGB = 30


class ServingInstance(Strict):
    type: Annotated[str, known_to("ProductionVariantInstanceType")]
    count: Annotated[int, Field(ge=1, le=100)] = 1


class Hyperparameter(Strict):
    """What a run may set. Values reach SageMaker as strings; here they carry the type that the script reads."""

    type: Literal["int", "float", "str", "bool"]
    default: Any
    minimum: int | float | None = None
    maximum: int | float | None = None
    choices: list[Any] | None = Field(default=None, min_length=1)

    @model_validator(mode="after")
    def _is_consistent(self) -> Hyperparameter:
        for value in [self.default, *(self.choices or [])]:
            self._check_type(value)
        if self.type in ("str", "bool") and (self.minimum is not None or self.maximum is not None):
            raise ValueError(f"minimum and maximum are for int and float, not for {self.type}")
        if self.choices is not None and self.default not in self.choices:
            raise ValueError(f"default {self.default!r} is not allowed: allowed: {self.choices}")
        if self.minimum is not None and self.default < self.minimum:
            raise ValueError(f"default {self.default!r} is below minimum {self.minimum}")
        if self.maximum is not None and self.default > self.maximum:
            raise ValueError(f"default {self.default!r} is above maximum {self.maximum}")
        return self

    def check(self, value: Any) -> None:
        """Raises ValueError for a value that a run could not set."""
        self._check_type(value)
        if self.choices is not None and value not in self.choices:
            raise ValueError(f"{value!r} is not allowed: allowed: {self.choices}")
        if self.minimum is not None and value < self.minimum:
            raise ValueError(f"{value!r} is below minimum {self.minimum}")
        if self.maximum is not None and value > self.maximum:
            raise ValueError(f"{value!r} is above maximum {self.maximum}")

    def _check_type(self, value: Any) -> None:
        is_bool = isinstance(value, bool)
        if not isinstance(value, VALUE_TYPES[self.type]) or is_bool != (self.type == "bool"):
            raise ValueError(f"{value!r} is not of type {self.type}")


class Metric(Strict):
    name: Annotated[str, StringConstraints(min_length=1, max_length=255)]  # MetricName
    regex: Annotated[str, StringConstraints(min_length=1, max_length=500), AfterValidator(_compiles_with_one_group)]


class Data(Strict):
    channels: dict[ChannelName, Annotated[list[FilePattern], Field(min_length=1)]] = Field(min_length=1, max_length=17)
    checks: Checks | None = None
    """What is refused before anything is trained on it (`docs/data-checks.md`)."""

    @model_validator(mode="after")
    def _checks_its_channels(self) -> Data:
        unknown = sorted(self.checks.channels.keys() - self.channels.keys()) if self.checks else []
        if unknown:
            raise ValueError(f"checks.channels.{unknown[0]} is not a channel: allowed: {', '.join(self.channels)}")
        return self

    @model_validator(mode="after")
    def _leaves_reserved_names(self) -> Data:
        taken = RESERVED_CHANNELS & self.channels.keys()
        if taken:
            raise ValueError(f"channel names {', '.join(sorted(taken))} are taken by the training driver")
        return self


class Training(Strict):
    channels: list[ChannelName] | None = Field(default=None, min_length=1, max_length=17)
    """Channels of the data or outputs of processing steps; every channel of the data where left out."""
    image: TrainingImage
    script: ScriptName = "train.py"
    instance: TrainingInstance
    max_runtime_seconds: Seconds
    spot_max_wait_seconds: Seconds | None = None
    """Spot instances where given: how long to wait for them and run on them, together."""
    hyperparameters: dict[HyperparameterName, Hyperparameter] = Field(default={}, max_length=100)
    metrics: list[Metric] = Field(default=[], max_length=40)
    environment: dict[EnvironmentName, str] = Field(default={})

    @property
    def own_image(self) -> OwnImage | None:
        """The workload's own image; None where one of the managed ones trains."""
        return self.image if isinstance(self.image, OwnImage) else None

    @model_validator(mode="after")
    def _starts_one_program(self) -> Training:
        if self.own_image and "script" in self.model_fields_set:
            raise ValueError(f"script {self.script!r} has no meaning: an image of one's own starts its `train`")
        return self

    @model_validator(mode="after")
    def _waits_at_least_as_long_as_it_runs(self) -> Training:
        if self.spot_max_wait_seconds is not None and self.spot_max_wait_seconds < self.max_runtime_seconds:
            raise ValueError(
                f"spot_max_wait_seconds {self.spot_max_wait_seconds} is less than max_runtime_seconds"
                f" {self.max_runtime_seconds}: the wait includes the run"
            )
        return self


class Evaluation(Strict):
    instance: EvaluationInstance
    max_runtime_seconds: Seconds = 1800
    channel: ChannelName
    """The holdout: both the challenger and the champion are measured on it."""
    label_column: Annotated[str, StringConstraints(min_length=1, max_length=256)] | int | None = None
    """Of the holdout's CSV files, for an image of one's own: its name in their header line, or, where they have none,
    its position, counted from 0, or from -1 at the end."""


class Serving(Strict):
    instance: ServingInstance
    """With `serverless`, what batch scoring runs on."""
    autoscaling: Autoscaling | None = None
    serverless: Serverless | None = None
    environment: dict[EnvironmentName, str] = Field(default={})
    batching: Batching | None = None

    @property
    def variables(self) -> dict[str, str]:
        """Of the serving container; those that the manifest names itself win."""
        return {**(self.batching.environment if self.batching else {}), **self.environment}


class Manifest(Strict):
    """One workload."""

    name: WorkloadName
    description: Annotated[str, StringConstraints(min_length=1, max_length=1024)]
    data: Data
    processing: list[ProcessingStep] = Field(default=[], max_length=10)
    training: Training
    tuning: Tuning | None = None
    evaluation: Evaluation
    gate: Gate
    approval: Literal["automatic", "manual"]
    serving: Serving
    rollout: Rollout
    monitoring: Monitoring | None = None
    triggers: Triggers = Triggers()

    @property
    def training_channels(self) -> list[str]:
        return self.training.channels or list(self.data.channels)

    @model_validator(mode="after")
    def _uses_channels_that_exist(self) -> Manifest:
        allowed = channels_after(self.processing, self.data.channels)
        used = {f"training.channels.{index}": name for index, name in enumerate(self.training.channels or [])}
        for key, name in {**used, "evaluation.channel": self.evaluation.channel}.items():
            if name not in allowed:
                raise ValueError(f"{key} {name!r} is not a channel: allowed: {', '.join(allowed)}")
        if len(set(self.training_channels)) < len(self.training_channels):
            raise ValueError(f"training.channels names one twice: {', '.join(self.training_channels)}")
        return self

    @model_validator(mode="after")
    def _searches_what_it_declares(self) -> Manifest:
        if self.tuning is not None:
            check_tuning(self.tuning, self.training)
        return self

    @model_validator(mode="after")
    def _sleeps_only_where_it_can(self) -> Manifest:
        if self.serving.serverless is not None:
            self.serving.serverless.check(
                strategy=self.rollout.strategy,
                count=self.serving.instance.count,
                scaled=self.serving.autoscaling is not None,
                monitored=self.monitoring is not None,
            )
        return self

    @model_validator(mode="after")
    def _has_a_fleet_to_move(self) -> Manifest:
        strategy, count = self.rollout.strategy, self.serving.instance.count
        needed = NEEDS_INSTANCES.get(strategy, 1)
        if count < needed:
            raise ValueError(
                f"rollout.strategy {strategy!r} moves traffic by part of the fleet, and serving.instance.count is"
                f" {count}: allowed: {needed} or more, or the strategies all_at_once, shadow, ab"
            )
        if self.serving.autoscaling is not None:
            self.serving.autoscaling.check_fleet(
                instance_type=self.serving.instance.type, count=count, strategy=strategy, needed=needed
            )
        return self

    @model_validator(mode="after")
    def _measures_an_own_image_by_its_answers(self) -> Manifest:
        label = self.evaluation.label_column
        if self.training.own_image is None:
            if label is not None:
                raise ValueError(
                    f"evaluation.label_column {label!r} has no meaning: with a managed image, `evaluate` of"
                    " inference.py reads the holdout"
                )
            return self
        if label is None:
            raise ValueError(
                "evaluation.label_column: needed with training.image.dockerfile: the holdout's other columns are sent"
                " to the image's `serve`, and its answers compared with this one"
            )
        if self.gate.metric not in OWN_IMAGE_METRICS:
            raise ValueError(
                f"gate.metric {self.gate.metric!r} is not measured with training.image.dockerfile:"
                f" allowed: {', '.join(OWN_IMAGE_METRICS)}"
            )
        if self.gate.beyond_the_metric:
            raise ValueError(
                f"gate.{self.gate.beyond_the_metric[0]} is not measured with training.image.dockerfile: allowed:"
                " metric, goal, minimum, max_regression"
            )
        return self
