"""The header X-Amzn-SageMaker-Custom-Attributes that the model server answers with: `model_version=<n>`."""

import re

_MODEL_VERSION = re.compile(r"(?:^|[,;\s])model_version=([A-Za-z0-9][A-Za-z0-9._-]{0,63})(?=$|[,;\s])")


def model_version(attributes: str | None) -> str | None:
    """The version in the attributes, None when there is none that is safe to put in a header of our own."""
    match = _MODEL_VERSION.search(attributes or "")
    return match.group(1) if match else None
