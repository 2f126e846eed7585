"""What predictions are made of, whatever library made them."""

from __future__ import annotations

import math
from typing import Any


def plain(value: Any) -> Any:
    """numpy's arrays and scalars as lists and numbers of Python; anything else as it is."""
    return value.tolist() if hasattr(value, "tolist") else value


def is_finite(value: Any) -> bool:
    """Whether no number in it is NaN or infinite."""
    if isinstance(value, dict):
        return all(map(is_finite, value.values()))
    if isinstance(value, list | tuple):
        return all(map(is_finite, value))
    if hasattr(value, "tolist"):
        return is_finite(value.tolist())
    return not isinstance(value, float) or math.isfinite(value)
