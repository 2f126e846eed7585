"""Instances -> rows of numbers in the order of the model's features."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from server.formats import InvalidInput, numbers


def to_matrix(instances: Any, features: Sequence[str]) -> np.ndarray:
    """Lists of numbers in the order of `features`, or objects with a number for each; a first row with just the
    features' names (a CSV file with its header) is passed over. Raises InvalidInput.
    """
    listed = instances.tolist() if hasattr(instances, "tolist") else instances
    rows = [_row(instance, features, f"instances[{index}]") for index, instance in enumerate(listed)]
    if rows and rows[0] == list(features):
        rows = rows[1:]
    if not rows:
        raise InvalidInput("instances: expected at least one row", field="instances")
    values = numbers(rows)
    if len(values[0]) != len(features):
        told = f"expected {len(features)} numbers ({', '.join(features)}), got {len(values[0])}"
        raise InvalidInput(f"instances[0]: {told}", field="instances[0]")
    return np.array(values)


def _row(instance: Any, features: Sequence[str], name: str) -> Any:
    if not isinstance(instance, dict):
        return instance
    if instance.keys() != set(features):
        missing, unknown = sorted(set(features) - instance.keys()), sorted(instance.keys() - set(features))
        told = "; ".join(
            f"{what} {', '.join(names)}" for what, names in (("missing", missing), ("unknown", unknown)) if names
        )
        raise InvalidInput(f"{name}: {told:.200}", field=name)
    return [instance[feature] for feature in features]
