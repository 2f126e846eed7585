"""The checked-in table of AWS's managed images for training and processing; `scripts/update_images.py` writes it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

_GPU_INSTANCE = re.compile(r"^ml\.(p|gr?)\d")
_CHIP_INSTANCE = re.compile(r"^ml\.(trn|inf)\d")


class UnknownImage(ValueError):
    """A framework, version or kind of instance that the table does not have."""


@dataclass(frozen=True, kw_only=True)
class ImageRow:
    """`accounts`: region -> the account whose registry holds the image there."""

    repository: str
    tag: str
    accounts: dict[str, str]


def managed_image(*, framework: str, version: str, instance_type: str, section: str = "training") -> ImageRow:
    """The image of `framework` for instances of `instance_type`.

    `section` is the manifest's: `training`, or `processing.<index>`, which may use more images than training.
    Raises UnknownImage, naming the key in it.
    """
    tables = _tables()
    table = tables["training"] | (tables["processing"] if section.startswith("processing") else {})
    if framework not in table:
        raise UnknownImage(f"{section}.image.framework: {framework!r} is unknown: allowed: {', '.join(table)}")
    versions = table[framework]
    if version not in versions:
        raise UnknownImage(f"{section}.image.version: {version!r} is unknown: allowed: {', '.join(versions)}")
    row, processor = versions[version], _processor(instance_type, section)
    if processor not in row["tags"]:
        raise UnknownImage(
            f"{section}.instance.type: {instance_type!r} has no image of {framework} {version}: "
            f"allowed: {', '.join(row['tags']).upper()} types"
        )
    return ImageRow(repository=row["repository"], tag=row["tags"][processor], accounts=row["accounts"])


@cache
def _tables() -> dict[str, Any]:
    return json.loads((Path(__file__).parent / "managed_images.json").read_text("utf-8"))


def _processor(instance_type: str, section: str) -> str:
    if _CHIP_INSTANCE.match(instance_type):
        raise UnknownImage(f"{section}.instance.type: {instance_type!r} has no managed image: allowed: CPU, GPU types")
    return "gpu" if _GPU_INSTANCE.match(instance_type) else "cpu"
