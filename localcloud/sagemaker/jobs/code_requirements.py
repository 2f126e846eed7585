"""What a job's code asks to be installed, put into its image before the container starts."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from localcloud.images.errors import InvalidRequirements
from localcloud.sagemaker.jobs.failures import JobFailure

if TYPE_CHECKING:
    from localcloud.images import Image

TRAINING_CODE = "input/data/code"
PROCESSING_CODE = "processing/input/code"
_REQUIREMENTS = "requirements.txt"
_MAX_REQUIREMENTS_BYTES = 1 << 20


def with_requirements(image: Image, folder: Path, code: str) -> Image:
    """An image that already holds what the code's requirements.txt asks for. Raises JobFailure.

    It stands for the layers that a registry and an instance keep: the first job with a new requirements.txt pays
    for the installation, the next ones find every requirement satisfied.

    Args:
        folder: of a host's container, its inputs in place.
        code: below /opt/ml, where the container finds its code.
    """
    found = _requirements_in(folder / "ml" / code)
    if found is None:
        return image
    path = folder / _REQUIREMENTS
    path.write_bytes(found)
    try:
        return image.with_requirements([path])
    except InvalidRequirements:
        return image  # such as a wheel among the code's own files: only the container, which has them, can install it
    except (LookupError, ValueError, OSError, RuntimeError) as error:
        raise JobFailure(f"AlgorithmError: {_REQUIREMENTS} could not be installed: {error}, exit code: 1") from error


def _requirements_in(folder: Path) -> bytes | None:
    """requirements.txt at the root of the folder's only zip, or of the folder; None where there is none."""
    zips = sorted(folder.glob("*.zip"))
    try:
        source = zipfile.Path(zips[0]) if len(zips) == 1 else folder
        with (source / _REQUIREMENTS).open("rb") as file:
            content = file.read(_MAX_REQUIREMENTS_BYTES + 1)
    except (FileNotFoundError, zipfile.BadZipFile):
        return None  # without requirements, or not a zip: the container's own business
    if len(content) > _MAX_REQUIREMENTS_BYTES:
        raise JobFailure(
            f"ClientError: {_REQUIREMENTS} of the job's code is larger than {_MAX_REQUIREMENTS_BYTES} bytes"
        )
    return content
