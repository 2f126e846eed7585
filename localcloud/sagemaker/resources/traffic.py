"""The weights of production variants.

"The traffic to a production variant is determined by the ratio of the VariantWeight to the sum of all VariantWeight
values across all ProductionVariants" (API shape ProductionVariant): a sum of 0 leaves no traffic to anybody.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from localcloud.sagemaker.errors import ValidationException

Document = dict[str, Any]
DEFAULT_WEIGHT = 1.0


def check_initial(variants: list[Document]) -> None:
    """Refuse an endpoint config none of whose production variants gets traffic."""
    _require_some({variant["VariantName"]: variant.get("InitialVariantWeight", DEFAULT_WEIGHT) for variant in variants})


def check_desired(endpoint: Document, desired: list[Document]) -> None:
    """Refuse DesiredWeights that leave no production variant of an endpoint with traffic."""
    present = endpoint.get("ProductionVariants", [])
    weights = {variant["VariantName"]: variant.get("CurrentWeight", DEFAULT_WEIGHT) for variant in present}
    for entry in desired:
        if "DesiredWeight" in entry and entry["VariantName"] in weights:
            weights[entry["VariantName"]] = entry["DesiredWeight"]
    _require_some(weights)


def _require_some(weights: Mapping[str, float]) -> None:
    if not any(weights.values()):
        raise ValidationException(
            "The sum of the weights of all production variants must be greater than 0; "
            f"found 0.0 for {', '.join(weights)}"
        )
