"""Instances -> rows of cells in the order of the model's columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from server.formats import InvalidInput
from shared.encoder import Encoder, InvalidCell


def to_features(instances: Any, encoder: Encoder) -> np.ndarray:
    """Lists of cells in the order of the data file's columns, or objects by column; a first row with just the columns'
    names (a CSV file with its header) is passed over. Raises InvalidInput.
    """
    listed = instances.tolist() if hasattr(instances, "tolist") else instances
    rows = [_row(instance, encoder.columns, f"instances[{index}]") for index, instance in enumerate(listed)]
    if rows and rows[0] == list(encoder.columns):
        rows = rows[1:]
    if not rows:
        raise InvalidInput("instances: expected at least one row", field="instances")
    try:
        return encoder.transform(rows)
    except InvalidCell as error:
        field = f"instances[{error.row}]"
        raise InvalidInput(f"{field}: {error}", field=field) from error


def _row(instance: Any, columns: Sequence[str], name: str) -> list[Any]:
    if isinstance(instance, dict):
        return _in_order(instance, columns, name)
    if not isinstance(instance, list):
        raise InvalidInput(f"{name}: expected a row of {len(columns)} values", field=name)
    if len(instance) != len(columns):
        told = f"expected {len(columns)} values ({', '.join(columns)}), got {len(instance)}"
        raise InvalidInput(f"{name}: {told}", field=name)
    if any(isinstance(cell, list | dict) for cell in instance):
        raise InvalidInput(f"{name}: expected texts and numbers in a row", field=name)
    return instance


def _in_order(instance: dict[str, Any], columns: Sequence[str], name: str) -> list[Any]:
    if unknown := sorted(instance.keys() - set(columns)):
        raise InvalidInput(f"{name}: unknown column {', '.join(unknown):.200}", field=name)
    if missing := sorted(set(columns) - instance.keys()):
        raise InvalidInput(f"{name}: missing column {', '.join(missing)}", field=name)
    return _row([instance[column] for column in columns], columns, name)
