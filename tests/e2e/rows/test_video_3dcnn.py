"""video_3dcnn through the deployed stack, on its sample data."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

WAIT_LIMIT_SECONDS = 300
CLIPS_A_CLASS = 20


@pytest.fixture(scope="module")
def video(row):
    return row("video_3dcnn")


@pytest.fixture(scope="module")
def clips(video, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A part of the sample's clips, and one that looks like a video but holds no pictures."""
    folder = tmp_path_factory.mktemp("clips")
    shutil.copytree(video.data / "classes", folder / "classes")
    for path in sorted(video.data.glob("videos/*/*.mp4")):
        if int(path.stem) < CLIPS_A_CLASS:
            (folder / "videos" / path.parent.name).mkdir(parents=True, exist_ok=True)
            shutil.copy(path, folder / "videos" / path.parent.name)
    (folder / "videos/circle/broken.mp4").write_bytes(without_pictures(folder / "videos/circle/0000.mp4"))
    return folder


def without_pictures(path: Path) -> bytes:
    """A whole MP4 file with zeros in the place of its encoded pictures (the box `mdat`)."""
    content = path.read_bytes()
    begin = content.index(b"mdat") - 4
    end = begin + int.from_bytes(content[begin : begin + 4], "big")
    return content[: begin + 8] + bytes(end - begin - 8) + content[end:]


@pytest.fixture(scope="module")
def classifier(video, clips) -> dict[str, Any]:
    return video.train(clips, epochs=10, filters=8, batch_size=8)


@pytest.fixture(scope="module")
def frames_job(video, classifier) -> dict[str, Any]:
    """The run's processing job, on three instances."""
    sagemaker = video.slipway.client("sagemaker")
    listed = sagemaker.list_processing_jobs(NameContains="video-3dcnn")["ProcessingJobSummaries"]
    (name,) = (one["ProcessingJobName"] for one in listed if one["ProcessingJobName"].endswith("-frames"))
    return sagemaker.describe_processing_job(ProcessingJobName=name)


def stored(slipway, uri: str) -> dict[str, bytes]:
    """Name below the S3 folder -> content."""
    bucket, _, prefix = uri.removeprefix("s3://").partition("/")
    s3 = slipway.client("s3")
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{prefix.rstrip('/')}/")
    keys = [item["Key"] for page in pages for item in page.get("Contents", [])]
    read = {key: s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}
    return {key.removeprefix(f"{prefix.rstrip('/')}/"): content for key, content in read.items()}


def outputs(slipway, job: dict[str, Any]) -> dict[str, dict[str, bytes]]:
    given = job["ProcessingOutputConfig"]["Outputs"]
    return {output["OutputName"]: stored(slipway, output["S3Output"]["S3Uri"]) for output in given}


def test_video_3dcnn_learns_from_the_processed_clips_and_answers_for_a_video(video, clips, classifier):
    assert classifier["metrics"]["accuracy"] >= 0.8
    right = 0
    for name in ("circle", "square", "triangle"):
        answer = video.predict((clips / f"videos/{name}/0000.mp4").read_bytes(), "video/mp4")
        assert answer["model_version"] == classifier["model_version"]
        (prediction,) = answer["predictions"]
        assert sum(prediction["probabilities"].values()) == pytest.approx(1, abs=1e-4)
        right += prediction["label"] == name
    assert right >= 2
    assert len(video.predict(video.sample_request)["predictions"]) == 1


def test_one_upload_of_many_clips_starts_one_run(video, classifier):
    assert [execution["name"] for execution in video.slipway.executions("video_3dcnn")] == [classifier["run"]]


def test_one_instance_makes_the_same_bytes_as_three(video, frames_job):
    assert frames_job["ProcessingResources"]["ClusterConfig"]["InstanceCount"] == 3
    sagemaker = video.slipway.client("sagemaker")
    kept = ("ProcessingInputs", "AppSpecification", "RoleArn", "StoppingCondition", "Environment", "NetworkConfig")
    request = {key: frames_job[key] for key in kept if key in frames_job}
    name = f"{frames_job['ProcessingJobName']}-alone"
    cluster = frames_job["ProcessingResources"]["ClusterConfig"] | {"InstanceCount": 1}
    config = json.loads(json.dumps(frames_job["ProcessingOutputConfig"]))
    for output in config["Outputs"]:
        output["S3Output"]["S3Uri"] = f"{output['S3Output']['S3Uri'].rstrip('/')}-alone/"
    sagemaker.create_processing_job(
        ProcessingJobName=name,
        ProcessingResources={"ClusterConfig": cluster},
        ProcessingOutputConfig=config,
        **request,
    )
    deadline = time.monotonic() + WAIT_LIMIT_SECONDS
    while (job := sagemaker.describe_processing_job(ProcessingJobName=name))["ProcessingJobStatus"] == "InProgress":
        assert time.monotonic() < deadline
        time.sleep(0.5)
    assert job["ProcessingJobStatus"] == "Completed", job.get("FailureReason")
    three = outputs(video.slipway, frames_job)
    assert sum(len(files) for files in three.values()) == 3 * CLIPS_A_CLASS + 2  # the broken one, and why
    assert outputs(video.slipway, job) == three


def test_a_clip_that_cannot_be_read_is_quarantined_with_the_reason(video, frames_job):
    quarantine = outputs(video.slipway, frames_job)["quarantine"]
    assert quarantine.keys() == {"circle/broken.mp4", "circle/broken.mp4.reason.txt"}
    assert quarantine["circle/broken.mp4.reason.txt"].startswith(b"circle/broken.mp4: its frame 0 cannot be read")
