"""`processing:` of a manifest: the Processing steps between the data and the training, in their order.

A step reads channels of the data and outputs of earlier steps, and its outputs are channels for what comes after it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, field_validator, model_validator

from infra.manifest_fields import (
    RESERVED_CHANNELS,
    ChannelName,
    FrameworkImage,
    HyperparameterName,
    ScriptName,
    Seconds,
    Strict,
    VolumeGB,
    known_to,
)

RESERVED_STEPS = frozenset({"check", "drift", "eval"})
"""Suffixes of the workload's processing jobs that are not steps."""

StepName = Annotated[str, StringConstraints(pattern=r"^[a-z](-?[a-z0-9])*$", max_length=20)]
# ContainerArguments: at most 256 characters each. The name is one argument, the value another.
ParameterName = Annotated[HyperparameterName, StringConstraints(max_length=200)]
ParameterText = Annotated[str, StringConstraints(max_length=256)]


class ProcessingInstance(Strict):
    type: Annotated[str, known_to("ProcessingInstanceType")]
    count: Annotated[int, Field(ge=1, le=100)] = 1
    volume_gb: VolumeGB = 30


class ProcessingStep(Strict):
    """One CreateProcessingJob: `script` is started once an instance, with its inputs, outputs and parameters."""

    name: StepName
    image: FrameworkImage
    script: ScriptName
    instance: ProcessingInstance
    max_runtime_seconds: Seconds
    # Two arguments a parameter; ContainerArguments holds 100.
    parameters: dict[ParameterName, int | float | bool | ParameterText] = Field(default={}, max_length=50)
    # Ten inputs a job; two of them are the driver and the code.
    inputs: dict[ChannelName, Literal["replicated", "sharded"]] = Field(min_length=1, max_length=8)
    """Channel -> whether each instance gets all of it, or its share of the objects (ShardedByS3Key)."""
    outputs: list[ChannelName] = Field(min_length=1, max_length=10)
    """Channels. The instances' files land side by side: those of different instances need different names."""

    @field_validator("name")
    @classmethod
    def _is_not_taken(cls, name: str) -> str:
        if name in RESERVED_STEPS:
            raise ValueError("is the name of a job that every run has: choose another")
        return name

    @model_validator(mode="after")
    def _spark_has_one_instance(self) -> ProcessingStep:
        # Several would be one cluster that writes each output's files on all of them, and none would have them whole.
        if self.image.framework == "spark" and self.instance.count > 1:
            raise ValueError(f"instance.count: {self.instance.count} is more than a Spark step can use: allowed: 1")
        return self

    @model_validator(mode="after")
    def _parameters_are_no_places(self) -> ProcessingStep:
        for name in self.parameters:
            if name.startswith(("input-", "output-")):
                raise ValueError(f"parameters.{name}: --input-... and --output-... are given by the driver")
        return self


def channels_after(steps: Sequence[ProcessingStep], data_channels: Iterable[str]) -> list[str]:
    """Every channel that the training may use: the data's, then the steps' outputs. Raises ValueError."""
    channels = list(data_channels)
    names: set[str] = set()
    for index, step in enumerate(steps):
        where = f"processing.{index}"
        if step.name in names:
            raise ValueError(f"{where}.name: {step.name!r} is the name of an earlier step, too")
        names.add(step.name)
        unknown = [name for name in step.inputs if name not in channels]
        if unknown:
            raise ValueError(
                f"{where}.inputs: {unknown[0]!r} is neither a channel of the data nor an output of an earlier step:"
                f" allowed: {', '.join(channels)}"
            )
        for name in step.outputs:
            if name in channels or name in RESERVED_CHANNELS:
                raise ValueError(f"{where}.outputs: {name!r} is taken: every channel has one source")
            channels.append(name)
    return channels
