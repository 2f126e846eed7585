"""The manifest's `training.image`: one of AWS's, or the workload's own."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, Discriminator, StringConstraints, Tag

from infra.manifest_fields import FrameworkImage, Strict

OWN_IMAGE_METRICS = ("accuracy", "mae", "mse")
"""What the evaluator of images of one's own measures (`inference_code/evaluator`), besides `examples`."""


def _inside_the_folder(value: str) -> str:
    if value.startswith("/") or {"..", "."} & set(value.split("/")):
        raise ValueError("must be a file inside the workload's training folder, without '.', '..' or a leading '/'")
    return value


class OwnImage(Strict):
    """The workload's own image, which trains by its `train` and serves by its `serve` (docs/contract.md)."""

    dockerfile: Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(_inside_the_folder)]
    """Below `training_code/<name>/`."""


def _image_kind(value: Any) -> str:
    own = isinstance(value, OwnImage) or (isinstance(value, dict) and "dockerfile" in value)
    return "<own>" if own else "<managed>"


# The tags are no part of a manifest: messages about one leave out what stands in angle brackets.
TrainingImage = Annotated[
    Annotated[FrameworkImage, Tag("<managed>")] | Annotated[OwnImage, Tag("<own>")], Discriminator(_image_kind)
]
