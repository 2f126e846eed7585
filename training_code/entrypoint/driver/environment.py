"""A job as the script sees it: SM_* variables and `--name value` arguments ("script mode").

The names are those of AWS's own framework images (sagemaker-training-toolkit, ENVIRONMENT_VARIABLES.md), so that a
script written for them runs here unchanged.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path

from driver.job import Job

_OWN_PREFIX = "sagemaker_"  # hyperparameters that SageMaker's SDK adds for its own use
_TUNING = "_tuning_objective_metric"  # added by a hyperparameter tuning job to each of its training jobs


def script_hyperparameters(hyperparameters: Mapping[str, str]) -> dict[str, str]:
    """The script's own hyperparameters, sorted; a value that the SDK wrote as a JSON string (`"cnn"`) unquoted."""
    chosen = {
        name: value for name, value in hyperparameters.items() if name != _TUNING and not name.startswith(_OWN_PREFIX)
    }
    return {name: _unquoted(chosen[name]) for name in sorted(chosen)}


def script_arguments(hyperparameters: Mapping[str, str]) -> list[str]:
    """`--name value` for each; `--name=value` for a value that would look like an option itself."""
    arguments: list[str] = []
    for name, value in script_hyperparameters(hyperparameters).items():
        arguments += [f"--{name}={value}"] if value.startswith("-") else [f"--{name}", value]
    return arguments


def script_variables(job: Job, *, gpus: int, cpus: int) -> dict[str, str]:
    """The SM_* variables."""
    layout = job.layout
    hyperparameters = script_hyperparameters(job.hyperparameters)
    variables = {
        "SM_MODEL_DIR": str(layout.model),
        "SM_OUTPUT_DIR": str(layout.output),
        "SM_OUTPUT_DATA_DIR": str(layout.output / "data"),
        "SM_CHECKPOINT_DIR": str(layout.checkpoints),
        "SM_INPUT_DIR": str(layout.root / "input"),
        "SM_INPUT_CONFIG_DIR": str(layout.config),
        "SM_CHANNELS": json.dumps(list(job.channels)),
        "SM_HPS": json.dumps(hyperparameters),
        "SM_HOSTS": json.dumps(list(job.hosts)),
        "SM_CURRENT_HOST": job.current_host,
        "SM_NETWORK_INTERFACE_NAME": job.network_interface,
        "SM_NUM_GPUS": str(gpus),
        "SM_NUM_CPUS": str(cpus),
        "SM_USER_ARGS": json.dumps(script_arguments(job.hyperparameters)),
    }
    variables.update({f"SM_CHANNEL_{_upper(name)}": str(layout.channel(name)) for name in job.channels})
    variables.update({f"SM_HP_{_upper(name)}": value for name, value in hyperparameters.items()})
    return variables


def memory_variables(given: Mapping[str, str]) -> dict[str, str]:
    """What makes glibc's malloc keep what was freed, unless `given` (the container's variables) says otherwise.

    A step of a training allocates the same arrays as the one before. By default large ones come from the kernel and go
    back to it, which fills them with zeros each time: a sixth of the step of a small convolutional network. Another C
    library does not look at these (mallopt(3)).
    """
    wanted = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": str(1 << 33), "MALLOC_TOP_PAD_": str(1 << 26)}
    return {name: value for name, value in wanted.items() if name not in given}


def count_gpus(devices: Path = Path("/dev")) -> int:
    """The container's NVIDIA devices."""
    return sum(1 for path in devices.glob("nvidia*") if re.fullmatch(r"nvidia\d+", path.name))


def count_cpus() -> int:
    """The processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _upper(name: str) -> str:
    return re.sub(r"[^A-Z0-9_]", "_", name.upper())


def _unquoted(value: str) -> str:
    if not (len(value) >= 2 and value.startswith('"') and value.endswith('"')):
        return value
    try:
        return str(json.loads(value))
    except ValueError:
        return value
