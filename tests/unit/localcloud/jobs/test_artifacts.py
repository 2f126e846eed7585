"""Artifacts that cannot simply be read."""

from __future__ import annotations

import os
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from localcloud.sagemaker.jobs import archive
from localcloud.sagemaker.jobs.artifacts import OutputUpload
from localcloud.sagemaker.jobs.failures import JobFailure

NOBODY = 65534
JOB = {
    "TrainingJobName": "digits",
    "RoleArn": "arn:aws:iam::000000000000:role/training",
    "OutputDataConfig": {"S3OutputPath": "s3://artifacts/digits"},
}
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="acting for another user takes root")


@pytest.fixture
def model() -> Iterator[Path]:
    """A model folder that belongs to nobody. Not below pytest's own folders, which it closes to others at any time."""
    with tempfile.TemporaryDirectory() as name:
        base = Path(name)
        base.chmod(0o711)
        for path in (base / "model", base / "work"):
            path.mkdir()
            os.chown(path, NOBODY, NOBODY)
        yield base / "model"


def _as_nobody(action: Callable[[], str]) -> str:
    """What the action returns in a process without privileges."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            answer = action()
        except BaseException as error:
            answer = f"{type(error).__name__}: {error}"
        os.write(writing, answer.encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        answer = pipe.read().decode()
    os.waitpid(child, 0)
    return answer


def test_what_the_container_made_unreadable_is_packed_all_the_same(model: Path) -> None:
    def pack() -> str:
        (model / "closed").mkdir()
        (model / "closed/weights").write_text("w")
        (model / "closed/weights").chmod(0)
        (model / "closed").chmod(0)
        archive.pack([model], model.parent / "work/model.tar.gz")
        return "packed"

    assert _as_nobody(pack) == "packed"
    with tarfile.open(model.parent / "work/model.tar.gz") as tar:
        assert tar.getnames() == ["closed/weights"]


def test_a_file_that_cannot_be_read_fails_the_upload_and_is_named(model: Path) -> None:
    (model / "weights").write_text("w")
    (model / "weights").chmod(0o600)  # root's

    def upload() -> str:
        try:
            OutputUpload(JOB, lambda: pytest.fail("nothing to upload"), model.parent / "work").model(
                [model], skip_empty=False
            )
        except JobFailure as failure:
            return failure.reason
        return "uploaded"

    reason = _as_nobody(upload)
    assert reason.startswith("ClientError: Artifact upload failed: ")
    assert "s3://artifacts/digits/digits/output/model.tar.gz" in reason
    assert str(model / "weights") in reason
