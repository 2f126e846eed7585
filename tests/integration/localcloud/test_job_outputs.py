"""What jobs put into S3 while they run and when they end, and what becomes of it on a full disk."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from localcloud.sagemaker.jobs.channels import S3Uri
from localcloud.sagemaker.jobs.folder_sync import FolderSync
from tests.integration.localcloud.test_jobs import Jobs, _input, _lines_or_nothing, _members, jobs
from tests.support.embedded_cloud import EmbeddedCloud, allow, eventually, unique

__all__ = ["jobs"]  # the fixture

_SECONDS = 60
_CLUSTER = {"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 1}


def _keys(jobs: Jobs, prefix: str) -> dict[str, bytes]:
    listed = jobs.s3.list_objects_v2(Bucket=jobs.bucket, Prefix=prefix).get("Contents", [])
    return {entry["Key"].removeprefix(prefix): jobs.read(f"s3://{jobs.bucket}/{entry['Key']}") for entry in listed}


class TestFolderSync:
    @pytest.fixture
    def prefix(self) -> str:
        return f"{unique('sync')}/"

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        (tmp_path / "folder").mkdir()
        return tmp_path / "folder"

    @pytest.fixture
    def sync(self, jobs: Jobs, folder: Path, prefix: str) -> FolderSync:
        """Its passes are made by the tests."""
        uri = S3Uri(jobs.bucket, prefix.rstrip("/"))
        return FolderSync(lambda: jobs.s3, folder, uri, staging=folder.parent / "staging", mirror_deletions=True)

    def test_a_file_goes_when_it_has_not_changed_for_one_pass(
        self, jobs: Jobs, sync: FolderSync, folder: Path, prefix: str
    ) -> None:
        (folder / "deep").mkdir()
        (folder / "deep/step").write_text("1")
        sync.upload_settled()
        assert _keys(jobs, prefix) == {}
        sync.upload_settled()
        assert _keys(jobs, prefix) == {"deep/step": b"1"}

    def test_a_file_that_is_open_for_writing_is_not_read(
        self, jobs: Jobs, sync: FolderSync, folder: Path, prefix: str
    ) -> None:
        with (folder / "weights").open("w") as file:
            file.write("half")
            file.flush()
            for _ in range(3):
                sync.upload_settled()
            assert _keys(jobs, prefix) == {}
            file.write(" and half")
        for _ in range(2):
            sync.upload_settled()
        assert _keys(jobs, prefix) == {"weights": b"half and half"}

    def test_what_the_container_deletes_is_deleted_but_not_what_it_replaces(
        self, jobs: Jobs, sync: FolderSync, folder: Path, prefix: str
    ) -> None:
        (folder / "old").write_text("1")
        (folder / "kept").write_text("1")
        for _ in range(2):
            sync.upload_settled()
        (folder / "old").unlink()
        (folder / "kept").rename(folder.parent / "elsewhere")
        sync.upload_settled()
        assert set(_keys(jobs, prefix)) == {"old", "kept"}, "a file may be missing for a moment"
        (folder.parent / "elsewhere").rename(folder / "kept")
        sync.upload_settled()
        assert set(_keys(jobs, prefix)) == {"kept"}

    def test_the_last_pass_takes_everything_as_it_is(
        self, jobs: Jobs, sync: FolderSync, folder: Path, prefix: str
    ) -> None:
        (folder / "gone").write_text("1")
        for _ in range(2):
            sync.upload_settled()
        (folder / "gone").unlink()
        (folder / "last").write_text("2")
        sync.finish()
        assert _keys(jobs, prefix) == {"last": b"2"}

    def test_what_was_downloaded_is_not_uploaded_again_and_what_others_add_stays(
        self, jobs: Jobs, sync: FolderSync, folder: Path, prefix: str
    ) -> None:
        jobs.put(f"{prefix}step", b"7")
        sync.download()
        assert (folder / "step").read_text() == "7"
        first = jobs.s3.head_object(Bucket=jobs.bucket, Key=f"{prefix}step")["LastModified"]
        jobs.put(f"{prefix}later", b"8")
        for _ in range(2):
            sync.upload_settled()
        assert jobs.s3.head_object(Bucket=jobs.bucket, Key=f"{prefix}step")["LastModified"] == first
        assert _keys(jobs, prefix) == {"step": b"7", "later": b"8"}


# Writes one file into a folder of its own, and waits.
WRITES = """
import pathlib, time
place = pathlib.Path("{folder}")
place.mkdir(parents=True, exist_ok=True)
(place / "part").write_text("whole")
print("up", flush=True)
time.sleep(600)
"""


def test_checkpoints_and_tensors_are_in_s3_while_the_job_runs(jobs: Jobs) -> None:
    prefix = unique("live")
    places = {
        "CheckpointConfig": ({"S3Uri": f"s3://{jobs.bucket}/{prefix}/c/"}, "/opt/ml/checkpoints", "c/part"),
        "DebugHookConfig": (
            {"S3OutputPath": f"s3://{jobs.bucket}/{prefix}", "LocalPath": "/opt/ml/output/hook"},
            "/opt/ml/output/hook",
            "{name}/debug-output/part",
        ),
        "TensorBoardOutputConfig": (
            {"S3OutputPath": f"s3://{jobs.bucket}/{prefix}"},
            "/opt/ml/output/tensorboard",
            "{name}/tensorboard-output/part",
        ),
    }
    names = [
        jobs.train(WRITES.format(folder=folder), **{member: config}) for member, (config, folder, _) in places.items()
    ]
    expected = [key.format(name=name) for name, (_, _, key) in zip(names, places.values(), strict=True)]
    eventually(lambda: all(_keys(jobs, f"{prefix}/").get(key) == b"whole" for key in expected), _SECONDS)
    for name in names:
        assert jobs.sagemaker.describe_training_job(TrainingJobName=name)["SecondaryStatus"] == "Training"
        jobs.sagemaker.stop_training_job(TrainingJobName=name)
        assert jobs.trained(name)["TrainingJobStatus"] == "Stopped"


def test_uncompressed_output_is_uploaded_file_by_file(jobs: Jobs) -> None:
    script = """
import pathlib
for path in ("model/weights", "model/deep/more", "output/data/report"):
    place = pathlib.Path("/opt/ml", path)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(path)
"""
    output = {"S3OutputPath": f"s3://{jobs.bucket}/plain", "CompressionType": "NONE"}
    job = jobs.trained(jobs.train(script, OutputDataConfig=output))
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    prefix = f"plain/{job['TrainingJobName']}/output/"
    assert job["ModelArtifacts"]["S3ModelArtifacts"] == f"s3://{jobs.bucket}/{prefix}model/"
    assert _keys(jobs, prefix) == {
        "model/weights": b"model/weights",
        "model/deep/more": b"model/deep/more",
        "data/report": b"output/data/report",
    }


class TestProcessing:
    @pytest.mark.real_effect("StopProcessingJob")
    def test_continuous_outputs_of_every_instance_are_there_before_the_job_ends(self, jobs: Jobs) -> None:
        prefix = unique("continuous")
        script = """
import json, pathlib, time
host = json.loads(pathlib.Path("/opt/ml/config/resourceconfig.json").read_text())["current_host"]
pathlib.Path("/opt/ml/processing/output", host).write_text(host)
pathlib.Path("/opt/ml/processing/late", host).write_text(host)
time.sleep(600)
"""
        name = _processing(jobs, script, prefix, ProcessingResources={"ClusterConfig": _CLUSTER})
        both = {"algo-1": b"algo-1", "algo-2": b"algo-2"}
        eventually(lambda: _keys(jobs, f"{prefix}/now/") == both, _SECONDS)
        assert _keys(jobs, f"{prefix}/end/") == {}
        jobs.sagemaker.stop_processing_job(ProcessingJobName=name)
        assert _processed(jobs, name)["ProcessingJobStatus"] == "Stopped"
        assert _keys(jobs, f"{prefix}/end/") == both

    def test_a_failed_job_leaves_its_continuous_outputs_only(self, jobs: Jobs) -> None:
        prefix = unique("failed")
        script = """
import pathlib
pathlib.Path("/opt/ml/processing/output/now").write_text("1")
pathlib.Path("/opt/ml/processing/late/end").write_text("1")
raise SystemExit(1)
"""
        assert _processed(jobs, _processing(jobs, script, prefix))["ProcessingJobStatus"] == "Failed"
        assert _keys(jobs, f"{prefix}/") == {"now/now": b"1"}

    def test_a_job_out_of_time_is_stopped(self, jobs: Jobs) -> None:
        condition = {"MaxRuntimeInSeconds": 1}
        name = _processing(jobs, "import time; time.sleep(600)", unique("slow"), StoppingCondition=condition)
        job = _processed(jobs, name)
        assert (job["ProcessingJobStatus"], job.get("FailureReason")) == ("Stopped", None)


def _processing(jobs: Jobs, script: str, prefix: str, **members: Any) -> str:
    name = unique("process")
    uri = jobs.put(f"scripts/{name}/main.py", script.encode())
    outputs = [
        {"OutputName": name, "S3Output": {"S3Uri": f"s3://{jobs.bucket}/{prefix}/{name}", **place}}
        for name, place in {
            "now": {"LocalPath": "/opt/ml/processing/output", "S3UploadMode": "Continuous"},
            "end": {"LocalPath": "/opt/ml/processing/late", "S3UploadMode": "EndOfJob"},
        }.items()
    ]
    request = {
        "ProcessingJobName": name,
        "RoleArn": jobs.role,
        "AppSpecification": {
            "ImageUri": jobs.image,
            "ContainerEntrypoint": ["python3", "/opt/ml/processing/script/main.py"],
        },
        "ProcessingInputs": [_input("script", uri, "/opt/ml/processing/script")],
        "ProcessingOutputConfig": {"Outputs": outputs},
        "ProcessingResources": {"ClusterConfig": {**_CLUSTER, "InstanceCount": 1}},
    }
    jobs.sagemaker.create_processing_job(**{**request, **members})
    return name


def _processed(jobs: Jobs, name: str) -> dict[str, Any]:
    def ended() -> dict[str, Any] | None:
        job = jobs.sagemaker.describe_processing_job(ProcessingJobName=name)
        return job if job["ProcessingJobStatus"] in ("Completed", "Failed", "Stopped") else None

    return eventually(ended, _SECONDS)


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk takes root")
class TestFullDisk:
    @pytest.fixture
    def small_disk(self, jobs: Jobs) -> Iterator[None]:
        """2 MiB for the folders of the training jobs."""
        folder = Path(jobs.cloud.state_dir, "sagemaker/jobs/training-job")
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)], check=True)
        yield
        subprocess.run(["umount", "-l", str(folder)], check=True)

    @pytest.mark.usefixtures("small_disk")
    def test_a_download_that_does_not_fit_fails_the_job(self, jobs: Jobs) -> None:
        uri = jobs.put(unique("big"), os.urandom(3 << 20))
        job = jobs.trained(jobs.train("print('never')", channels=[jobs.channel("big", uri)]))
        assert job["TrainingJobStatus"] == "Failed"
        assert job["FailureReason"].startswith("ClientError: Data download failed: ")
        assert "No space left on device" in job["FailureReason"]

    @pytest.mark.usefixtures("small_disk")
    def test_an_artifact_that_cannot_be_packed_fails_the_job_and_the_next_one_has_its_space(self, jobs: Jobs) -> None:
        fills = "import os; open('/opt/ml/model/weights', 'wb').write(os.urandom(1200 << 10))"
        job = jobs.trained(jobs.train(fills))
        assert job["TrainingJobStatus"] == "Failed"
        assert job["FailureReason"].startswith("ClientError: Artifact upload failed: ")
        assert "No space left on device" in job["FailureReason"]
        assert not job.get("ModelArtifacts")
        small = jobs.trained(jobs.train("open('/opt/ml/model/weights', 'wb').write(b'w')"))
        assert _members(jobs.read(small["ModelArtifacts"]["S3ModelArtifacts"])) == {"weights": b"w"}


def test_a_role_that_may_not_write_is_told_the_action(jobs: Jobs) -> None:
    actions = ["s3:GetObject", "s3:ListBucket", "logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]
    reader = jobs.cloud.role(unique("reader"), "sagemaker.amazonaws.com", allow(actions))
    job = jobs.trained(jobs.train("open('/opt/ml/model/w', 'w').write('w')", RoleArn=reader))
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("ClientError: Artifact upload failed: ")
    assert '"s3:PutObject"' in job["FailureReason"]


class TestWarmPool:
    WRITES = """
import os, pathlib
cache = pathlib.Path(os.environ["SAGEMAKER_MANAGED_WARMPOOL_CACHE_DIRECTORY"])
print(sorted(path.name for path in cache.iterdir()))
(cache / os.environ["TRAINING_JOB_NAME"]).touch()
"""

    def test_the_next_job_that_matches_finds_what_the_first_left_in_the_cache(self, jobs: Jobs) -> None:
        first, other = self._train(jobs, 600), self._train(jobs, 600, VolumeSizeInGB=2)
        assert jobs.trained(first)["WarmPoolStatus"]["Status"] == "Available"
        second = self._train(jobs, 600)
        assert jobs.trained(second)["WarmPoolStatus"]["Status"] == "Available"
        pool = jobs.sagemaker.describe_training_job(TrainingJobName=first)["WarmPoolStatus"]
        assert (pool["Status"], pool["ReusedByJob"]) == ("Reused", second)
        assert _lines_or_nothing(jobs, second) == [[f"['{first}']"]]
        assert jobs.trained(other)["WarmPoolStatus"]["Status"] == "Available"
        listed = jobs.sagemaker.list_training_jobs(WarmPoolStatusEquals="Reused")["TrainingJobSummaries"]
        assert [job["TrainingJobName"] for job in listed] == [first]
        self._end(jobs, other)
        third = self._train(jobs, 0)
        assert jobs.trained(third)["WarmPoolStatus"]["Status"] == "Terminated"
        assert _lines_or_nothing(jobs, third) == [[str(sorted([first, second]))]]

    @pytest.mark.real_effect("UpdateTrainingJob")
    def test_a_pool_ends_with_its_time_and_when_it_is_told_to(self, jobs: Jobs) -> None:
        short, told = self._train(jobs, 1), self._train(jobs, 600, VolumeSizeInGB=3)
        jobs.trained(short)
        eventually(lambda: self._pool(jobs, short) == "Terminated", _SECONDS)
        assert jobs.trained(told)["WarmPoolStatus"]["Status"] == "Available"
        with pytest.raises(jobs.sagemaker.exceptions.ResourceInUse, match="retains an Available warm pool"):
            jobs.sagemaker.delete_training_job(TrainingJobName=told)
        self._end(jobs, told)
        jobs.sagemaker.delete_training_job(TrainingJobName=told)

    def test_a_failed_script_leaves_its_pool(self, jobs: Jobs) -> None:
        config = {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 4}
        name = jobs.train("raise SystemExit(1)", ResourceConfig={**config, "KeepAlivePeriodInSeconds": 600})
        job = jobs.trained(name)
        assert (job["TrainingJobStatus"], job["WarmPoolStatus"]["Status"]) == ("Failed", "Available")

    def test_pools_end_with_the_embedded_cloud(self, jobs: Jobs) -> None:
        name = self._train(jobs, 600)
        jobs.trained(name)
        cloud = jobs.cloud
        cloud.stop()
        EmbeddedCloud.start(cloud.state_dir, cloud.port)
        assert self._pool(jobs, name) == "Terminated"
        assert not Path(cloud.state_dir, "sagemaker/jobs/warm-pools").exists()

    def _train(self, jobs: Jobs, seconds: int, **resources: int) -> str:
        config = {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1, **resources}
        return jobs.train(self.WRITES, ResourceConfig={**config, "KeepAlivePeriodInSeconds": seconds})

    def _pool(self, jobs: Jobs, name: str) -> str:
        return jobs.sagemaker.describe_training_job(TrainingJobName=name)["WarmPoolStatus"]["Status"]

    def _end(self, jobs: Jobs, name: str) -> None:
        jobs.sagemaker.update_training_job(TrainingJobName=name, ResourceConfig={"KeepAlivePeriodInSeconds": 0})
        assert self._pool(jobs, name) == "Terminated"
