"""What a job's code asks for is in its image before the container starts."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

import pytest

from localcloud.images import Image
from localcloud.sagemaker.jobs.code_requirements import TRAINING_CODE, with_requirements
from localcloud.sagemaker.jobs.failures import JobFailure


@pytest.fixture
def image(project) -> Image:
    return project.build(f"FROM python:3.{sys.version_info.minor}-slim\n")


@pytest.fixture
def code(tmp_path: Path) -> Path:
    folder = tmp_path / "host/ml" / TRAINING_CODE
    folder.mkdir(parents=True)
    return folder


def _installed(image: Image, tmp_path: Path) -> tuple[tuple[str, ...], ...]:
    return with_requirements(image, tmp_path / "host", TRAINING_CODE).packages.layers


def test_a_folder_of_code_and_a_zip_of_it_ask_alike(image: Image, code: Path, tmp_path: Path) -> None:
    before = image.packages.layers
    assert _installed(image, tmp_path) == before
    (code / "requirements.txt").write_text("greeting==1.0\n")
    assert _installed(image, tmp_path) == (*before, ("greeting==1.0",))
    with zipfile.ZipFile(code / "code.zip", "w") as packed:
        packed.writestr("requirements.txt", "farewell\n")
    assert _installed(image, tmp_path) == (*before, ("farewell",))


def test_what_only_the_code_itself_holds_is_left_to_the_container(image: Image, code: Path, tmp_path: Path) -> None:
    (code / "requirements.txt").write_text("greeting==1.0\n./own-1.0-py3-none-any.whl\n")
    assert with_requirements(image, tmp_path / "host", TRAINING_CODE) == image


def test_what_cannot_be_installed_fails_the_job(image: Image, code: Path, tmp_path: Path) -> None:
    (code / "requirements.txt").write_text("greeting==9.9\n")
    with pytest.raises(JobFailure, match=r"(?s)requirements\.txt could not be installed.*greeting"):
        with_requirements(image, tmp_path / "host", TRAINING_CODE)
