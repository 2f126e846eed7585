"""Training and processing jobs, asked for through the API and run as processes, with real S3, IAM and CloudWatch."""

import io
import json
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from localcloud.images.registry import ImageRegistry
from tests.support.embedded_cloud import EmbeddedCloud, allow, eventually, unique

_FINAL = ("Completed", "Failed", "Stopped")
_S3 = ["s3:GetObject", "s3:PutObject", "s3:ListBucket"]
_SERVICE = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents", "cloudwatch:PutMetricData"]
_SECONDS = 60


class Jobs:
    """One bucket, one role that may do what a job needs, one image with nothing but Python."""

    def __init__(self, cloud: EmbeddedCloud, image: str) -> None:
        self.cloud, self.image = cloud, image
        self.s3, self.sagemaker, self.logs = (cloud.client(name) for name in ("s3", "sagemaker", "logs"))
        self.bucket = unique("jobs")
        self.s3.create_bucket(Bucket=self.bucket)
        self.role = cloud.role(unique("job"), "sagemaker.amazonaws.com", allow(_S3), allow(_SERVICE))

    def put(self, key: str, body: bytes) -> str:
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=body)
        return f"s3://{self.bucket}/{key}"

    def read(self, uri: str) -> bytes:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        return self.s3.get_object(Bucket=bucket, Key=key)["Body"].read()

    def channel(self, name: str, uri: str, **source: str) -> dict[str, Any]:
        return {
            "ChannelName": name,
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": uri, **source}},
        }

    def train(self, script: str, **members: Any) -> str:
        name = unique("train")
        main = self.channel("script", self.put(f"scripts/{name}/main.py", script.encode()))
        request = {
            "TrainingJobName": name,
            "RoleArn": self.role,
            "AlgorithmSpecification": {
                "TrainingImage": self.image,
                "TrainingInputMode": "File",
                "ContainerEntrypoint": ["python3", "/opt/ml/input/data/script/main.py"],
                **members.pop("algorithm", {}),
            },
            "OutputDataConfig": {"S3OutputPath": f"s3://{self.bucket}/output"},
            "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
            "StoppingCondition": {"MaxRuntimeInSeconds": 300},
            "InputDataConfig": [main, *members.pop("channels", [])],
            **members,
        }
        self.sagemaker.create_training_job(**request)
        return name

    def trained(self, name: str) -> dict[str, Any]:
        def ended() -> dict | None:
            job = self.sagemaker.describe_training_job(TrainingJobName=name)
            return job if job["TrainingJobStatus"] in _FINAL else None

        return eventually(ended, _SECONDS)

    def model(self, job: dict[str, Any]) -> dict[str, bytes]:
        """The files of the model that a job left."""
        return _members(self.read(job["ModelArtifacts"]["S3ModelArtifacts"]))

    def process(self, script: str, *inputs: dict[str, Any], **members: Any) -> dict[str, Any]:
        name = unique("process")
        main = _input("script", self.put(f"scripts/{name}/main.py", script.encode()), "/opt/ml/processing/script")
        cluster = {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1}
        self.sagemaker.create_processing_job(
            ProcessingJobName=name,
            RoleArn=self.role,
            AppSpecification={
                "ImageUri": self.image,
                "ContainerEntrypoint": ["python3", "/opt/ml/processing/script/main.py"],
            },
            ProcessingInputs=[main, *inputs],
            ProcessingResources={"ClusterConfig": cluster},
            **members,
        )

        def ended() -> dict | None:
            job = self.sagemaker.describe_processing_job(ProcessingJobName=name)
            return job if job["ProcessingJobStatus"] in _FINAL else None

        return eventually(ended, _SECONDS)

    def lines(self, group: str, prefix: str) -> dict[str, list[str]]:
        streams = self.logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=f"{prefix}/")["logStreams"]
        names = [stream["logStreamName"] for stream in streams]
        return {
            name: [
                event["message"]
                for event in self.logs.get_log_events(logGroupName=group, logStreamName=name, startFromHead=True)[
                    "events"
                ]
            ]
            for name in names
        }


@pytest.fixture(scope="module")
def jobs(cloud: EmbeddedCloud, tmp_path_factory: pytest.TempPathFactory) -> Jobs:
    return Jobs(cloud, tiny_image(cloud, tmp_path_factory.mktemp("image")))


def tiny_image(cloud: EmbeddedCloud, context: Path) -> str:
    """An image with Python and one program, built from the empty folder `context`."""
    (context / "Dockerfile").write_text(
        f"FROM python:3.{sys.version_info.minor}\nCOPY hello.py /opt/program/hello.py\n"
    )
    (context / "hello.py").write_text("print('hello from the image')\n")
    registry = ImageRegistry(SimpleNamespace(state_dir=cloud.state_dir, account=cloud.account))
    registry.build(context, context / "Dockerfile", {}, "tiny:1")
    return "tiny:1"


def _members(archive: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        return {member.name: tar.extractfile(member).read() for member in tar if member.isfile()}


TRAIN = """
import json, os, pathlib
ml = pathlib.Path("/opt/ml")
config = {p.name: json.loads(p.read_text()) for p in (ml / "input/config").iterdir()}
data = {str(p.relative_to(ml / "input/data")): p.read_text() for p in (ml / "input/data").rglob("*") if p.is_file()}
del data["script/main.py"]
for epoch in range(3):
    print(f"epoch={epoch} loss={1 / (epoch + 1):.4f}")
(ml / "model/model.json").write_text(json.dumps({"config": config, "data": data, "environment": sorted(os.environ)}))
(ml / "output/data/report.txt").write_text("report")
"""


@pytest.mark.real_effect("CreateTrainingJob", "DescribeTrainingJob")
def test_a_training_job_trains_on_its_channels_and_leaves_its_model(jobs: Jobs) -> None:
    jobs.put("data/train/a.csv", b"1,2")
    jobs.put("data/train/deep/b.csv", b"3,4")
    jobs.put("data/training/other.csv", b"5,6")
    single = jobs.put("data/labels.txt", b"x")
    name = jobs.train(
        TRAIN,
        HyperParameters={"epochs": "3"},
        Environment={"ASKED": "yes"},
        channels=[
            jobs.channel("train", f"s3://{jobs.bucket}/data/train/"),
            jobs.channel("labels", single, S3DataDistributionType="FullyReplicated"),
        ],
        algorithm={"MetricDefinitions": [{"Name": "loss", "Regex": "loss=([0-9.]+)"}]},
    )

    job = jobs.trained(name)

    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    statuses = [entry["Status"] for entry in job["SecondaryStatusTransitions"]]
    assert statuses == ["Starting", "Downloading", "Training", "Uploading", "Completed"]
    assert all("EndTime" in entry for entry in job["SecondaryStatusTransitions"])
    assert job["SecondaryStatus"] == "Completed"
    assert job["TrainingStartTime"] <= job["TrainingEndTime"]
    assert job["BillableTimeInSeconds"] == job["TrainingTimeInSeconds"]
    uri = job["ModelArtifacts"]["S3ModelArtifacts"]
    assert uri == f"s3://{jobs.bucket}/output/{name}/output/model.tar.gz"
    seen = json.loads(_members(jobs.read(uri))["model.json"])
    assert seen["data"] == {"train/a.csv": "1,2", "train/deep/b.csv": "3,4", "labels/labels.txt": "x"}
    assert seen["config"]["hyperparameters.json"] == {"epochs": "3"}
    assert seen["config"]["inputdataconfig.json"]["train"] == {
        "TrainingInputMode": "File",
        "S3DistributionType": "FullyReplicated",
        "RecordWrapperType": "None",
    }
    assert seen["config"]["resourceconfig.json"]["hosts"] == ["algo-1"]
    credentials = ["AWS_ACCESS_KEY_ID", "AWS_ENDPOINT_URL", "AWS_REGION", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"]
    service = ["ASKED", "HOME", "LANG", "PATH", "TRAINING_JOB_ARN", "TRAINING_JOB_NAME"]
    assert {*credentials, *service} <= set(seen["environment"])
    assert {variable for variable in seen["environment"] if variable.startswith("SM_")} == set()
    assert _members(jobs.read(uri.replace("model.tar.gz", "output.tar.gz"))) == {"report.txt": b"report"}
    (metric,) = job["FinalMetricDataList"]
    assert (metric["MetricName"], metric["Value"]) == ("loss", pytest.approx(0.3333))


def test_its_lines_are_in_its_log_and_its_metrics_in_cloudwatch(jobs: Jobs) -> None:
    name = jobs.train(
        "for i in range(2000): print('line', i)\nprint('acc=0.5'); print('acc=0.75')",
        algorithm={"MetricDefinitions": [{"Name": "acc", "Regex": "acc=([0-9.]+)"}]},
    )
    jobs.trained(name)

    (stream, lines) = next(iter(jobs.lines("/aws/sagemaker/TrainingJobs", name).items()))
    assert stream.startswith(f"{name}/algo-1-")
    assert lines[0] == "line 0"
    metrics = jobs.cloud.client("cloudwatch").list_metrics(
        Namespace="/aws/sagemaker/TrainingJobs", Dimensions=[{"Name": "TrainingJobName", "Value": name}]
    )["Metrics"]
    assert [metric["MetricName"] for metric in metrics] == ["acc"]


@pytest.mark.real_effect("CreateExperiment", "CreateTrial", "DescribeTrialComponent")
def test_a_job_of_an_experiment_leaves_a_component_with_its_parameters_status_and_metrics(jobs: Jobs) -> None:
    experiment, trial = unique("sizes"), unique("trial")
    jobs.sagemaker.create_experiment(ExperimentName=experiment)
    jobs.sagemaker.create_trial(TrialName=trial, ExperimentName=experiment)
    metric = {"Name": "accuracy", "Regex": "accuracy=([0-9.]+)"}
    name = jobs.train(
        "print('accuracy=0.75')",
        algorithm={"MetricDefinitions": [metric]},
        HyperParameters={"hidden": "64"},
        ExperimentConfig={"ExperimentName": experiment, "TrialName": trial},
    )
    job = jobs.trained(name)

    def completed() -> dict | None:
        (listed,) = jobs.sagemaker.list_trial_components(TrialName=trial)["TrialComponentSummaries"]
        found = jobs.sagemaker.describe_trial_component(TrialComponentName=listed["TrialComponentName"])
        return found if found["Status"]["PrimaryStatus"] == "Completed" else None

    component = eventually(completed, _SECONDS)
    assert component["Source"]["SourceArn"] == job["TrainingJobArn"]
    assert component["Parameters"] == {"hidden": {"StringValue": "64"}}
    assert [(one["MetricName"], one["Last"]) for one in component["Metrics"]] == [("accuracy", 0.75)]
    assert component["StartTime"] <= component["EndTime"]


def test_a_job_of_an_experiment_that_is_not_there_is_refused(jobs: Jobs) -> None:
    with pytest.raises(jobs.sagemaker.exceptions.ResourceNotFound):
        jobs.train("pass", ExperimentConfig={"ExperimentName": unique("none")})


def test_a_script_that_fails_gives_its_own_reason_and_exit_code(jobs: Jobs) -> None:
    job = jobs.trained(
        jobs.train("open('/opt/ml/output/failure', 'w').write('ValueError: no digits'); raise SystemExit(3)")
    )
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"] == "AlgorithmError: ValueError: no digits, exit code: 3"
    assert job["SecondaryStatusTransitions"][-1]["Status"] == "Failed"
    assert "ModelArtifacts" not in job or not job["ModelArtifacts"]


def test_a_role_without_permission_on_the_data_is_told_the_action(jobs: Jobs) -> None:
    uri = jobs.put("secret/a.csv", b"1")
    blind = jobs.cloud.role(unique("blind"), "sagemaker.amazonaws.com", allow("s3:ListBucket"), allow(_SERVICE))
    job = jobs.trained(jobs.train("print()", RoleArn=blind, channels=[jobs.channel("train", uri)]))
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("ClientError: Data download failed:")
    assert "s3:GetObject" in job["FailureReason"]
    assert blind in job["FailureReason"]


def test_data_that_is_not_there_is_named(jobs: Jobs) -> None:
    uri = f"s3://{jobs.bucket}/nothing/here"
    job = jobs.trained(jobs.train("print()", channels=[jobs.channel("train", uri)]))
    assert job["TrainingJobStatus"] == "Failed"
    assert f'No S3 objects found under S3 URL "{uri}"' in job["FailureReason"]


def test_a_role_that_sagemaker_may_not_assume_fails_the_job(jobs: Jobs) -> None:
    stranger = jobs.cloud.role(unique("lambda"), "lambda.amazonaws.com")
    job = jobs.trained(jobs.train("print()", RoleArn=stranger))
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith(f"ClientError: Could not assume role {stranger}")


def test_a_job_with_network_isolation_gets_no_credentials(jobs: Jobs) -> None:
    script = "import os; print(sorted(name for name in os.environ if name.startswith('AWS_')))"
    name = jobs.train(script, EnableNetworkIsolation=True)
    assert jobs.trained(name)["TrainingJobStatus"] == "Completed"
    assert list(jobs.lines("/aws/sagemaker/TrainingJobs", name).values()) == [["[]"]]


@pytest.mark.real_effect("StopTrainingJob")
def test_stopping_a_job_lets_it_save_its_model(jobs: Jobs) -> None:
    name = jobs.train(
        "import signal, sys, time\n"
        "def save(*_):\n    open('/opt/ml/model/saved', 'w').write('in time'); sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, save); print('ready', flush=True); time.sleep(600)"
    )
    eventually(lambda: any(_lines_or_nothing(jobs, name)), _SECONDS)
    jobs.sagemaker.stop_training_job(TrainingJobName=name)
    job = jobs.trained(name)
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "Stopped")
    assert _members(jobs.read(job["ModelArtifacts"]["S3ModelArtifacts"])) == {"saved": b"in time"}


def test_a_job_that_runs_too_long_is_stopped(jobs: Jobs) -> None:
    job = jobs.trained(jobs.train("import time; time.sleep(600)", StoppingCondition={"MaxRuntimeInSeconds": 1}))
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")


def test_several_instances_see_each_other_and_share_the_work(jobs: Jobs) -> None:
    for letter in "abcd":
        jobs.put(f"shards/{letter}", letter.encode())
    script = """
import json, os, pathlib, socket
resources = json.loads(pathlib.Path("/opt/ml/input/config/resourceconfig.json").read_text())
me = resources["current_host"]
addresses = {socket.gethostbyname(host) for host in resources["hosts"]}
assert len(addresses) == 2, addresses
assert socket.gethostname() == me
pathlib.Path(f"/opt/ml/model/{me}").write_text(",".join(sorted(os.listdir("/opt/ml/input/data/shards"))))
"""
    name = jobs.train(
        script,
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 1},
        channels=[jobs.channel("shards", f"s3://{jobs.bucket}/shards/", S3DataDistributionType="ShardedByS3Key")],
    )
    job = jobs.trained(name)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    model = _members(jobs.read(job["ModelArtifacts"]["S3ModelArtifacts"]))
    assert model == {"algo-1": b"a,c", "algo-2": b"b,d"}


def test_checkpoints_come_back_in_the_next_job(jobs: Jobs) -> None:
    config = {"CheckpointConfig": {"S3Uri": f"s3://{jobs.bucket}/checkpoints/{unique('c')}"}}
    script = """
import pathlib
place = pathlib.Path("/opt/ml/checkpoints")
place.mkdir(exist_ok=True)
step = int((place / "step").read_text()) if (place / "step").exists() else 0
(place / "step").write_text(str(step + 1))
pathlib.Path("/opt/ml/model/step").write_text(str(step))
"""
    found = [jobs.trained(jobs.train(script, **config)) for _ in range(2)]
    steps = [_members(jobs.read(job["ModelArtifacts"]["S3ModelArtifacts"]))["step"] for job in found]
    assert steps == [b"0", b"1"]


def test_the_image_runs_a_zip_of_the_code_channel(jobs: Jobs) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as code:
        code.writestr("__main__.py", "import runpy; runpy.run_path('/opt/program/hello.py')")
        code.writestr("requirements.txt", "# nothing\n")
    uri = jobs.put("code/abc.zip", buffer.getvalue())
    name = jobs.train(
        "",
        channels=[jobs.channel("code", uri)],
        algorithm={"ContainerEntrypoint": ["python3", "/opt/ml/input/data/code/abc.zip"]},
    )
    assert jobs.trained(name)["TrainingJobStatus"] == "Completed"
    assert list(jobs.lines("/aws/sagemaker/TrainingJobs", name).values()) == [["hello from the image"]]


@pytest.mark.real_effect("CreateProcessingJob", "DescribeProcessingJob")
def test_a_processing_job_reads_its_inputs_and_writes_its_outputs(jobs: Jobs) -> None:
    single = jobs.put("models/m/model.tar.gz", b"weights")
    jobs.put("holdout/x.csv", b"1")
    script = """
import json, pathlib
base = pathlib.Path("/opt/ml/processing")
seen = sorted(str(p.relative_to(base)) for p in (base / "input").rglob("*") if p.is_file())
config = json.loads(pathlib.Path("/opt/ml/config/processingjobconfig.json").read_text())
(base / "output/evaluation.json").write_text(json.dumps({"seen": seen, "name": config["ProcessingJobName"]}))
pathlib.Path("/opt/ml/output/message").write_text("all good")
"""
    job = jobs.process(
        script,
        _input("challenger", single, "/opt/ml/processing/input/challenger"),
        _input("holdout", f"s3://{jobs.bucket}/holdout/", "/opt/ml/processing/input/holdout"),
        ProcessingOutputConfig={"Outputs": [_output(f"s3://{jobs.bucket}/evaluation/1")]},
    )
    assert job["ProcessingJobStatus"] == "Completed", job.get("FailureReason")
    assert job["ExitMessage"] == "all good"
    assert job["ProcessingStartTime"] <= job["ProcessingEndTime"]
    written = json.loads(jobs.read(f"s3://{jobs.bucket}/evaluation/1/evaluation.json"))
    assert written == {
        "seen": ["input/challenger/model.tar.gz", "input/holdout/x.csv"],
        "name": job["ProcessingJobName"],
    }


def test_a_processing_job_that_fails_says_why(jobs: Jobs) -> None:
    job = jobs.process("open('/opt/ml/output/message', 'w').write('bad model'); raise SystemExit(4)")
    assert job["ProcessingJobStatus"] == "Failed"
    assert job["FailureReason"] == "AlgorithmError: bad model, exit code: 4"
    assert job["ExitMessage"] == "bad model"


def test_a_job_leaves_nothing_on_the_disk(jobs: Jobs) -> None:
    jobs.trained(jobs.train("print('done')"))
    eventually(lambda: not [path for path in Path(jobs.cloud.state_dir, "sagemaker/jobs").glob("*/*")])


def _lines_or_nothing(jobs: Jobs, name: str) -> list[list[str]]:
    try:
        return list(jobs.lines("/aws/sagemaker/TrainingJobs", name).values())
    except jobs.logs.exceptions.ResourceNotFoundException:
        return []


def _input(name: str, uri: str, local: str) -> dict[str, Any]:
    source = {"S3Uri": uri, "LocalPath": local, "S3DataType": "S3Prefix", "S3InputMode": "File"}
    return {"InputName": name, "S3Input": source}


def _output(uri: str) -> dict[str, Any]:
    target = {"S3Uri": uri, "LocalPath": "/opt/ml/processing/output", "S3UploadMode": "EndOfJob"}
    return {"OutputName": "evaluation", "S3Output": target}


def test_a_job_that_ran_when_the_cloud_was_killed_has_failed_and_left_no_process(jobs: Jobs) -> None:
    cloud = jobs.cloud
    mark = f"3600.{cloud.pid}"
    name = jobs.train(f"import subprocess; print('up', flush=True); subprocess.run(['sleep', '{mark}'])")
    eventually(lambda: any(_lines_or_nothing(jobs, name)), _SECONDS)
    eventually(lambda: list(Path(cloud.state_dir).glob("generations/*")))

    cloud.kill()

    eventually(lambda: f"sleep {mark}" not in _commands())
    EmbeddedCloud.start(cloud.state_dir, cloud.port)
    job = jobs.trained(name)
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("InternalServerError: ")
    assert "restarted" in job["FailureReason"]


def _commands() -> list[str]:
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    return [line.strip() for line in listed.splitlines()]
