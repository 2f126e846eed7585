"""What /opt/ml says about the job, as the script's arguments and as SM_* variables."""

import json
import os
from pathlib import Path
from typing import Any

_OWN = "sagemaker_"
_OBJECTIVE = "_tuning_objective_metric"  # for the tuning job's own use
_DISTRIBUTIONS = (
    "sagemaker_mpi_enabled",
    "sagemaker_parameter_server_enabled",
    "sagemaker_distributed_dataparallel_enabled",
    "sagemaker_pytorch_ddp_enabled",
    "sagemaker_torch_distributed_enabled",
    "sagemaker_multi_worker_mirrored_strategy_enabled",
)


class TrainingEnvironment:
    """Reads the files below ``base`` (/opt/ml). Raises ValueError, OSError."""

    def __init__(self, base: Path) -> None:
        self._base, self._config = base, base / "input/config"
        everything = {name: _decoded(value) for name, value in self._read("hyperparameters").items()}
        own = {name: value for name, value in everything.items() if name.startswith(_OWN)}
        self.hyperparameters = {
            name: value for name, value in everything.items() if name not in own and name != _OBJECTIVE
        }
        for name in _DISTRIBUTIONS:
            if own.get(name):
                raise ValueError(
                    f"{name}: the stand-in for AWS's image starts one process a host; use torchrun yourself"
                )
        if not own.get("sagemaker_program"):
            raise ValueError(
                "the hyperparameter sagemaker_program is missing: this stand-in for AWS's image has no algorithm of "
                "its own; name a script, or give the job a ContainerEntrypoint"
            )
        self.program = str(own["sagemaker_program"])
        self.submit_directory = str(own.get("sagemaker_submit_directory") or base / "input/data/code")
        self._resources, self._channels = self._read("resourceconfig"), self._read("inputdataconfig")

    @property
    def arguments(self) -> list[str]:
        """``--name value`` of every hyperparameter, in the order of their names."""
        pairs = [("-" if len(name) == 1 else "--") + name for name in sorted(self.hyperparameters)]
        values = [_text(self.hyperparameters[name]) for name in sorted(self.hyperparameters)]
        return [part for pair in zip(pairs, values, strict=True) for part in pair]

    def variables(self, code: Path) -> dict[str, str]:
        """The SM_* variables."""
        base = self._base
        folders = {
            "SM_MODEL_DIR": base / "model",
            "SM_INPUT_DIR": base / "input",
            "SM_INPUT_CONFIG_DIR": self._config,
            "SM_OUTPUT_DIR": base / "output",
            "SM_OUTPUT_DATA_DIR": base / "output/data",
            "SM_OUTPUT_INTERMEDIATE_DIR": base / "output/intermediate",
            "SM_MODULE_DIR": code,
        }
        for name in ("model", "output/data"):
            (base / name).mkdir(parents=True, exist_ok=True)
        known: dict[str, Any] = {
            **folders,
            "SM_CHANNELS": sorted(self._channels),
            "SM_HPS": self.hyperparameters,
            "SM_USER_ARGS": self.arguments,
            "SM_HOSTS": self._resources["hosts"],
            "SM_CURRENT_HOST": self._resources["current_host"],
            "SM_CURRENT_INSTANCE_TYPE": self._resources.get("current_instance_type"),
            "SM_NETWORK_INTERFACE_NAME": self._resources.get("network_interface_name", "lo"),
            "SM_RESOURCE_CONFIG": self._resources,
            "SM_INPUT_DATA_CONFIG": self._channels,
            "SM_NUM_CPUS": os.cpu_count(),
            "SM_NUM_GPUS": 0,
            "SM_MODULE_NAME": Path(self.program).stem,
            "SM_USER_ENTRY_POINT": self.program,
            **{f"SM_CHANNEL_{name.upper()}": base / "input/data" / name for name in self._channels},
            **{f"SM_HP_{name.upper()}": value for name, value in self.hyperparameters.items()},
        }
        return {name: _text(value) for name, value in known.items() if value is not None}

    def _read(self, name: str) -> dict[str, Any]:
        path = self._config / f"{name}.json"
        return json.loads(path.read_text()) if path.exists() else {}


def _decoded(value: str) -> Any:
    """The SDK writes hyperparameters as JSON; others write them as they are."""
    try:
        return json.loads(value)
    except ValueError:
        return value


def _text(value: Any) -> str:
    return json.dumps(value) if isinstance(value, dict | list) else str(value)
