"""The interpreters of the container environments, built as the embedded cloud builds them (and shared with it)."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import yaml

from infra.images.table import managed_image

ROOT = Path(__file__).parents[2]
TRAINING_IMAGE = "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch:2.13-cpu-amzn2023-sagemaker"
XGBOOST_IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.2-0"
SPARK_IMAGE = "173754725891.dkr.ecr.us-east-1.amazonaws.com/sagemaker-spark-processing:3.5-cpu-py312-v1.4"
_BUILD_LIMIT_SECONDS = 500


@cache
def training_python(workload: str) -> Path:
    """Runs the workload's training scripts: the packages of its manifest's managed image, and its requirements."""
    manifest = yaml.safe_load((ROOT / "training_code" / workload / "workload.yaml").read_text("utf-8"))
    row = managed_image(**manifest["training"]["image"], instance_type="ml.m5.large")
    uri = f"{row.accounts['us-east-1']}.dkr.ecr.us-east-1.amazonaws.com/{row.repository}:{row.tag}"
    return _environment("--image", uri, f"training_code/{workload}/requirements.txt")


@cache
def image_python(image: str) -> Path:
    """Runs scripts that need nothing but what a managed image brings."""
    return _environment("--image", image)


@cache
def serving_python(workload: str) -> Path:
    """Runs the model server with the workload's inference code."""
    return _environment("inference_code/server/requirements.txt", f"inference_code/{workload}/requirements.txt")


@cache
def torch_serving_python() -> Path:
    """Runs the model server with a model of PyTorch's: the packages of its managed image, and the server's own."""
    return _environment("--image", TRAINING_IMAGE, "inference_code/server/requirements.txt")


def container_environment() -> dict[str, str]:
    """This process's environment without what would change how a container's Python starts."""
    left_out = ("PYTHON", "SM_", "SLIPWAY_", "SAGEMAKER_")
    return {name: value for name, value in os.environ.items() if not name.startswith(left_out)}


def _environment(*arguments: str) -> Path:
    done = subprocess.run(
        [sys.executable, "-m", "localcloud.images", "environment", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=_BUILD_LIMIT_SECONDS,
    )
    assert done.returncode == 0, done.stderr
    return Path(done.stdout.strip())
