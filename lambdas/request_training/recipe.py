"""What a deployment decides of a model: code, images and settings that another training would be made with.

Not in it: roles, instance types, time limits, and whatever comes after the training (gate, rollout, serving).
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from shared.descriptor import Descriptor

CHECKS = ("checker_uri", "rules_uri", "channels")
STEP = ("name", "image_uri", "script", "instance_count", "parameters", "inputs", "outputs")
TRAINING = (
    "channels",
    "image_uri",
    "entrypoint_uri",
    "code_uri",
    "script",
    "instance_count",
    "hyperparameters",
    "environment",
)
TUNING = ("objective", "goal", "strategy", "max_jobs", "ranges")


def recipe(descriptor: Descriptor) -> str:
    """12 hex digits: the same for two deployments whose runs over the same data do the same."""
    steps = (descriptor["processing"] or {"steps": []})["steps"]
    made_with = {
        "channels": descriptor["data"]["channels"],
        "checks": _of(descriptor["checks"], CHECKS),
        "processing": [_of(step, STEP) for step in steps],
        "training": _of(descriptor["training"], TRAINING),
        "tuning": _of(descriptor["tuning"], TUNING),
    }
    return hashlib.sha256(json.dumps(made_with, sort_keys=True).encode()).hexdigest()[:12]


def _of(section: Mapping[str, Any] | None, names: tuple[str, ...]) -> dict[str, Any] | None:
    return None if section is None else {name: section.get(name) for name in names}
