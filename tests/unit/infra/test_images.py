from __future__ import annotations

import pytest

from infra.images.table import UnknownImage, managed_image


def image(instance_type: str, version: str = "2.13") -> str:
    row = managed_image(framework="pytorch", version=version, instance_type=instance_type)
    return f"{row.accounts['us-east-1']}/{row.repository}:{row.tag}"


def test_the_instance_type_decides_on_cpu_or_gpu() -> None:
    assert image("ml.m5.xlarge") == "763104351884/pytorch:2.13-cpu-amzn2023-sagemaker"
    for gpu in ("ml.g5.xlarge", "ml.p4d.24xlarge", "ml.gr6.4xlarge"):
        assert image(gpu) == "763104351884/pytorch:2.13-cu133-amzn2023-sagemaker"


def test_older_images_keep_the_processor_in_their_tag() -> None:
    assert image("ml.m5.xlarge", "2.10.0") == "763104351884/pytorch-training:2.10.0-cpu-py313"


def test_where_one_image_is_for_all_processors_its_tag_names_none() -> None:
    for instance in ("ml.m5.xlarge", "ml.g5.xlarge"):
        assert managed_image(framework="xgboost", version="3.2-0", instance_type=instance).tag == "3.2-0"


def test_a_gpu_is_refused_where_the_image_has_none() -> None:
    row = managed_image(framework="sklearn", version="1.9-0", instance_type="ml.m5.large")
    assert (row.repository, row.tag) == ("sagemaker-scikit-learn", "1.9-0-cpu-py3")
    with pytest.raises(UnknownImage, match=r"'ml.g5.xlarge' has no image of sklearn 1.9-0: allowed: CPU types"):
        managed_image(framework="sklearn", version="1.9-0", instance_type="ml.g5.xlarge")


@pytest.mark.parametrize("chip", ["ml.trn1.2xlarge", "ml.inf2.xlarge"])
def test_accelerators_without_an_image_are_refused(chip: str) -> None:
    with pytest.raises(UnknownImage, match=f"'{chip}' has no managed image"):
        image(chip)


def test_regions_have_accounts_of_their_own() -> None:
    row = managed_image(framework="pytorch", version="2.13", instance_type="ml.m5.large")
    assert row.accounts["eu-south-1"] != row.accounts["eu-west-1"]
    assert all(len(account) == 12 and account.isdigit() for account in row.accounts.values())


def test_sparks_image_is_for_processing_only() -> None:
    wanted = {"framework": "spark", "version": "3.5", "instance_type": "ml.m5.xlarge"}
    row = managed_image(**wanted, section="processing.0")
    assert (row.repository, row.tag) == ("sagemaker-spark-processing", "3.5-cpu-py312-v1.4")
    assert row.accounts["us-east-1"] == "173754725891"
    with pytest.raises(UnknownImage, match=r"training\.image\.framework: 'spark' is unknown"):
        managed_image(**wanted)
