"""What ends and interrupts training jobs: spot instances, internal errors, limits, a killed or disobedient process."""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.integration.localcloud.test_jobs import Jobs, _lines_or_nothing, _members, jobs
from tests.support.embedded_cloud import EmbeddedCloud, command, eventually, unique

__all__ = ["jobs"]  # the fixture

_SECONDS = 60
_SPOT = {
    "EnableManagedSpotTraining": True,
    "StoppingCondition": {"MaxRuntimeInSeconds": 300, "MaxWaitTimeInSeconds": 600},
}


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedCloud]:
    """One that gives a stopped job 1 s in the place of 120 s."""
    state_dir = tmp_path_factory.mktemp("cloud")
    (state_dir / "settings.json").write_text(json.dumps({"stop_grace_seconds": 1}))
    running = EmbeddedCloud.start(state_dir)
    yield running
    running.stop()


# Counts its runs in the checkpoints; the first one waits to be interrupted, and saves when it is.
RESUMES = """
import pathlib, signal, sys, time
place = pathlib.Path("/opt/ml/checkpoints/step")
step = int(place.read_text()) if place.exists() else 0
pathlib.Path("/opt/ml/model/began-at").write_text(str(step))
def save(*_):
    place.write_text(str(step + 1)); sys.exit(143)
signal.signal(signal.SIGTERM, save)
print("began at", step, flush=True)
if step == 0:
    time.sleep(600)
time.sleep(1.5)
"""
# Ends when twenty of its kind run.
MEETS = """
import pathlib, time
meeting = pathlib.Path("{folder}")
(meeting / "{number}").touch()
deadline = time.monotonic() + 50
while len(list(meeting.iterdir())) < 20:
    assert time.monotonic() < deadline, "alone"
    time.sleep(0.1)
print("met")
"""
IGNORES = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"


def _checkpoints(jobs: Jobs) -> dict[str, Any]:
    return {"CheckpointConfig": {"S3Uri": f"s3://{jobs.bucket}/checkpoints/{unique('c')}"}}


def _running(jobs: Jobs, name: str) -> None:
    eventually(lambda: any(_lines_or_nothing(jobs, name)), _SECONDS)


def _drill(jobs: Jobs, verb: str, *arguments: str) -> tuple[int, str]:
    result = command(verb, *arguments, "--state", str(jobs.cloud.state_dir))
    return result.returncode, result.stderr


def _statuses(job: dict[str, Any]) -> list[str]:
    return [entry["Status"] for entry in job["SecondaryStatusTransitions"]]


def test_an_interrupted_spot_job_goes_on_from_its_checkpoint_and_costs_less(jobs: Jobs) -> None:
    name = jobs.train(RESUMES, **_SPOT, **_checkpoints(jobs))
    _running(jobs, name)

    assert _drill(jobs, "interrupt", name, "--capacity-after", "0.2") == (0, "")
    job = jobs.trained(name)

    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    attempt = ["Starting", "Downloading", "Training"]
    assert _statuses(job) == [*attempt, "Interrupted", "Pending", *attempt, "Uploading", "Completed"]
    assert _members(jobs.read(job["ModelArtifacts"]["S3ModelArtifacts"])) == {"began-at": b"1"}
    assert 1 <= job["BillableTimeInSeconds"] < job["TrainingTimeInSeconds"]
    assert _lines(jobs, name) == ["began at 0", "began at 1"]


def test_an_interrupted_process_that_ignores_sigterm_is_killed_and_begins_again(jobs: Jobs) -> None:
    name = jobs.train(IGNORES, **_SPOT)
    _running(jobs, name)
    assert _drill(jobs, "interrupt", name) == (0, "")
    eventually(lambda: _lines(jobs, name) == ["up", "up"], _SECONDS)
    jobs.sagemaker.stop_training_job(TrainingJobName=name)
    job = jobs.trained(name)
    assert job["TrainingJobStatus"] == "Stopped"
    assert _statuses(job).count("Interrupted") == 1


def test_a_spot_job_that_finds_no_instances_in_time_is_stopped(jobs: Jobs) -> None:
    limits = {"MaxRuntimeInSeconds": 8, "MaxWaitTimeInSeconds": 8}
    name = jobs.train(RESUMES, **{**_SPOT, "StoppingCondition": limits}, **_checkpoints(jobs))
    _running(jobs, name)
    assert _drill(jobs, "interrupt", name, "--capacity-after", "3600")[0] == 0
    job = jobs.trained(name)
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "MaxWaitTimeExceeded")
    assert not job.get("ModelArtifacts")


def test_a_spot_job_that_waits_for_instances_can_be_stopped(jobs: Jobs) -> None:
    name = jobs.train(RESUMES, **_SPOT, **_checkpoints(jobs))
    _running(jobs, name)
    assert _drill(jobs, "interrupt", name, "--capacity-after", "3600")[0] == 0
    eventually(lambda: _secondary(jobs, name) == "Pending", _SECONDS)
    jobs.sagemaker.stop_training_job(TrainingJobName=name)
    job = jobs.trained(name)
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "Stopped")


def test_only_a_running_spot_job_is_interrupted(jobs: Jobs) -> None:
    name = jobs.train("print('done')")
    jobs.trained(name)
    code, message = _drill(jobs, "interrupt", name)
    assert (code, f"training job {name} cannot be disrupted" in message) == (1, True), message
    on_demand = jobs.train("import time; print('up', flush=True); time.sleep(600)")
    _running(jobs, on_demand)
    code, message = _drill(jobs, "interrupt", on_demand)
    assert (code, "does not run on spot instances" in message) == (1, True), message
    jobs.sagemaker.stop_training_job(TrainingJobName=on_demand)
    assert jobs.trained(on_demand)["TrainingJobStatus"] == "Stopped"


@pytest.mark.parametrize(
    ("path", "body", "secret", "status"),
    [
        ("no-such-job/interruptions", b"", True, 409),
        ("no-such-job/interruptions", b'{"capacity_after_seconds": -1}', True, 400),
        ("no-such-job/interruptions", b'{"capacity": 1}', True, 400),
        ("no-such-job/interruptions", b"not json", True, 400),
        ("no-such-job/other", b"", True, 404),
        ("no-such-job/interruptions", b"", False, 401),
    ],
)
def test_disruptions_take_the_secret_and_a_proper_request(
    jobs: Jobs, path: str, body: bytes, secret: bool, status: int
) -> None:
    headers = {"Authorization": f"Bearer {jobs.cloud.secret_access_key}"} if secret else {}
    url = f"{jobs.cloud.endpoint_url}/_localcloud/training-jobs/{path}"
    request = urllib.request.Request(url, data=body, headers=headers, method="POST")
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=10)
    with refused.value as answer:
        assert (answer.code, bool(json.load(answer)["message"])) == (status, True)


def test_a_job_is_tried_again_after_an_internal_error_as_often_as_it_asks(jobs: Jobs) -> None:
    script = "import time; print('up', flush=True); time.sleep(600)"
    name = jobs.train(script, RetryStrategy={"MaximumRetryAttempts": 1})
    for attempt in (1, 2):
        eventually(lambda runs=attempt: len(_lines(jobs, name)) == runs, _SECONDS)
        assert _drill(jobs, "fail", name) == (0, "")
    job = jobs.trained(name)
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("InternalServerError: We encountered an internal error")
    assert _statuses(job).count("Restarting") == 1


def test_the_algorithms_own_failure_is_not_tried_again(jobs: Jobs) -> None:
    job = jobs.trained(jobs.train("raise SystemExit(2)", RetryStrategy={"MaximumRetryAttempts": 3}))
    assert job["TrainingJobStatus"] == "Failed"
    assert "Restarting" not in _statuses(job)


@pytest.mark.parametrize("spot", [False, True])
def test_a_process_that_ignores_sigterm_is_killed(jobs: Jobs, spot: bool) -> None:
    name = jobs.train(IGNORES, **(_SPOT if spot else {}))
    _running(jobs, name)
    jobs.sagemaker.stop_training_job(TrainingJobName=name)
    assert jobs.sagemaker.describe_training_job(TrainingJobName=name)["TrainingJobStatus"] == "Stopping"
    job = jobs.trained(name)
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "Stopped")


def test_a_job_out_of_time_that_ignores_sigterm_is_killed_and_its_model_kept(jobs: Jobs) -> None:
    script = f"open('/opt/ml/model/weights', 'w').write('w')\n{IGNORES}"
    job = jobs.trained(jobs.train(script, StoppingCondition={"MaxRuntimeInSeconds": 1}))
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")
    assert _members(jobs.read(job["ModelArtifacts"]["S3ModelArtifacts"])) == {"weights": b"w"}


def test_of_two_creates_of_one_name_one_wins(jobs: Jobs) -> None:
    name = unique("twin")
    errors: list[str] = []
    won: list[str] = []

    def create() -> None:
        try:
            jobs.train("print('one')", TrainingJobName=name)
            won.append(name)
        except ClientError as error:
            errors.append(error.response["Error"]["Code"])

    threads = [threading.Thread(target=create) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (won, errors) == ([name], ["ResourceInUse"] * 5)
    assert jobs.trained(name)["TrainingJobStatus"] == "Completed"
    assert _lines_or_nothing(jobs, name) == [["one"]]


def test_the_name_of_a_deleted_job_can_be_taken_at_once(jobs: Jobs) -> None:
    name = unique("again")
    for text in ("first", "second"):
        jobs.train(f"print('{text}')", TrainingJobName=name)
        assert jobs.trained(name)["TrainingJobStatus"] == "Completed"
        jobs.sagemaker.delete_training_job(TrainingJobName=name)
    assert _lines(jobs, name) == ["first", "second"]


def test_twenty_jobs_run_at_once_and_none_waits_for_another_to_end(jobs: Jobs) -> None:
    meeting = Path(jobs.cloud.state_dir, "meeting")
    meeting.mkdir()
    names = [jobs.train(MEETS.format(folder=meeting, number=number)) for number in range(20)]
    found = {name: jobs.trained(name) for name in names}
    assert {name: job["TrainingJobStatus"] for name, job in found.items()} == dict.fromkeys(names, "Completed")
    assert all(_lines(jobs, name) == ["met"] for name in names)


@pytest.mark.parametrize("told", [True, False], ids=["stopped", "out of time"])
def test_a_processing_job_that_ignores_sigterm_is_killed(jobs: Jobs, told: bool) -> None:
    name = _process(jobs, IGNORES, 600 if told else 1)
    eventually(lambda: _processing_status(jobs, name)["started"], _SECONDS)
    if told:
        jobs.sagemaker.stop_processing_job(ProcessingJobName=name)
    eventually(lambda: _processing_status(jobs, name)["status"] == "Stopped", _SECONDS)


def test_a_job_with_a_retry_strategy_survives_the_end_of_the_cloud(jobs: Jobs) -> None:
    cloud = jobs.cloud
    processing = _process(jobs, IGNORES, 600)
    retried = jobs.train(RESUMES, RetryStrategy={"MaximumRetryAttempts": 1}, **_checkpoints(jobs))
    plain = jobs.train("import time; print('up', flush=True); time.sleep(600)")
    for name in (retried, plain):
        _running(jobs, name)
    eventually(lambda: _processing_status(jobs, processing)["started"], _SECONDS)
    eventually(lambda: list(Path(cloud.state_dir).glob("generations/*")))

    cloud.kill()
    EmbeddedCloud.start(cloud.state_dir, cloud.port)

    assert jobs.trained(plain)["FailureReason"].startswith("InternalServerError: ")
    assert _processing_status(jobs, processing)["status"] == "Failed"
    eventually(lambda: _secondary(jobs, retried) == "Training", _SECONDS)
    jobs.sagemaker.stop_training_job(TrainingJobName=retried)
    job = jobs.trained(retried)
    assert job["TrainingJobStatus"] == "Stopped"
    assert _statuses(job).count("Restarting") == 1


def _process(jobs: Jobs, script: str, seconds: int) -> str:
    name = unique("process")
    jobs.sagemaker.create_processing_job(
        ProcessingJobName=name,
        RoleArn=jobs.role,
        AppSpecification={"ImageUri": jobs.image, "ContainerEntrypoint": ["python3", "-c", script]},
        ProcessingResources={"ClusterConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1}},
        StoppingCondition={"MaxRuntimeInSeconds": seconds},
    )
    return name


def _processing_status(jobs: Jobs, name: str) -> dict[str, Any]:
    job = jobs.sagemaker.describe_processing_job(ProcessingJobName=name)
    return {"status": job["ProcessingJobStatus"], "started": "ProcessingStartTime" in job}


def _lines(jobs: Jobs, name: str) -> list[str]:
    """Of all attempts, in order."""
    return [line for lines in _lines_or_nothing(jobs, name) for line in lines]


def _secondary(jobs: Jobs, name: str) -> str:
    return jobs.sagemaker.describe_training_job(TrainingJobName=name)["SecondaryStatus"]
