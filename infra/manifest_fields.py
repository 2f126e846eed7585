"""Building blocks of the manifest's models: strictness, and the fields that several of them have."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

INSTANCE_TYPES = Path(__file__).parent / "instance_types.json"
RESERVED_CHANNELS = frozenset({"code", "entrypoint", "starter"})


class Strict(BaseModel):
    """A model that refuses unknown keys, naming those that are known."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _refuse_unknown_keys(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        for key in data:
            if key not in cls.model_fields:
                raise ValueError(f"unknown key {key!r}: allowed: {', '.join(cls.model_fields)}")
        return data


@cache
def instance_types(shape: str) -> frozenset[str]:
    """Instance types that the SageMaker API knows for `shape`; `scripts/update_instance_types.py` writes the table."""
    return frozenset(json.loads(INSTANCE_TYPES.read_text("utf-8"))[shape])


def known_to(shape: str) -> AfterValidator:
    """Refuses instance types that the API does not know for `shape`."""

    def check(value: str) -> str:
        allowed = instance_types(shape)
        if value not in allowed:
            raise ValueError(f"is not an instance type of this kind: allowed: {', '.join(sorted(allowed))}")
        return value

    return AfterValidator(check)


def _relative_pattern(value: str) -> str:
    if value.startswith("/") or ".." in value.split("/"):
        raise ValueError("must be a file pattern inside the channel's folder, without '..' or a leading '/'")
    return value


ChannelName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}$")]  # ChannelName
FilePattern = Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(_relative_pattern)]
ScriptName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_./-]*\.py$")]
HyperparameterName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_-]{0,255}$")]
Seconds = Annotated[int, Field(ge=60, le=432_000)]  # five days: MaxRuntimeInSeconds and MaxWaitTimeInSeconds by quota
VolumeGB = Annotated[int, Field(ge=1, le=16_384)]


class FrameworkImage(Strict):
    """One of the managed images in `infra/images/managed_images.json`; the instance type decides on CPU or GPU."""

    framework: str
    version: str
