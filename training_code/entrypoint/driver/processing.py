"""A processing job: what SageMaker tells its container in /opt/ml/config, and the script's part of it.

Source of the layout: "Build your own processing container"
https://docs.aws.amazon.com/sagemaker/latest/dg/build-your-own-processing-container.html
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from driver.errors import InvalidJobConfig
from driver.job import CODE_CHANNEL, DRIVER_CHANNELS, Layout, read_document, read_hosts

_ML_ROOT = "/opt/ml"  # what the paths of the configuration begin with, wherever that folder really is


@dataclass(frozen=True)
class ProcessingJob:
    """One container's part of a processing job.

    Attributes:
        code: the folder of the input `code`.
        inputs: the script's inputs, name -> folder, as the request has them.
        outputs: name -> folder.
        hosts: every container of the job, the same order everywhere.
    """

    layout: Layout
    code: Path
    inputs: dict[str, Path]
    outputs: dict[str, Path]
    hosts: tuple[str, ...]
    current_host: str


def is_processing(layout: Layout) -> bool:
    return _config(layout).is_file()


def read_processing_job(layout: Layout) -> ProcessingJob:
    """Raises InvalidJobConfig, which names the file."""
    config = read_document(_config(layout))
    inputs = _folders(layout, config.get("ProcessingInputs") or [], "InputName", "S3Input")
    outputs = _folders(
        layout, (config.get("ProcessingOutputConfig") or {}).get("Outputs") or [], "OutputName", "S3Output"
    )
    if CODE_CHANNEL not in inputs:
        raise InvalidJobConfig(f"{_config(layout)}: there is no input {CODE_CHANNEL!r}")
    hosts, current = read_hosts(layout.root / "config/resourceconfig.json")
    return ProcessingJob(
        layout=layout,
        code=inputs[CODE_CHANNEL],
        inputs={name: folder for name, folder in inputs.items() if name not in DRIVER_CHANNELS},
        outputs=outputs,
        hosts=hosts,
        current_host=current,
    )


def processing_arguments(job: ProcessingJob, parameters: Sequence[str]) -> list[str]:
    """`--input-<name> FOLDER`, `--output-<name> FOLDER`, then the container's own arguments as they came."""
    places = [(f"--input-{name}", folder) for name, folder in job.inputs.items()]
    places += [(f"--output-{name}", folder) for name, folder in job.outputs.items()]
    return [*(text for name, folder in places for text in (name, str(folder))), *parameters]


def processing_variables(job: ProcessingJob, *, gpus: int, cpus: int) -> dict[str, str]:
    """Those of the SM_* variables of a training job that a processing job has as well."""
    return {
        "SM_HOSTS": json.dumps(list(job.hosts)),
        "SM_CURRENT_HOST": job.current_host,
        "SM_NUM_GPUS": str(gpus),
        "SM_NUM_CPUS": str(cpus),
    }


def _config(layout: Layout) -> Path:
    return layout.root / "config/processingjobconfig.json"


def _folders(layout: Layout, entries: list[dict[str, Any]], name: str, source: str) -> dict[str, Path]:
    """Name -> folder of what SageMaker downloads or uploads."""
    paths = {entry[name]: PurePosixPath(entry[source]["LocalPath"]) for entry in entries if entry.get(source)}
    return {key: layout.root / path.relative_to(_ML_ROOT) for key, path in paths.items()}
