"""Transform jobs, asked for through the API and answered by real model servers, with real S3, IAM and CloudWatch."""

import gzip
import io
import json
import sys
import tarfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from localcloud.images.registry import ImageRegistry
from tests.support.batch_server import BATCH_SERVER
from tests.support.embedded_cloud import EmbeddedCloud, allow, eventually, unique

_FINAL = ("Completed", "Failed", "Stopped")
_S3 = ["s3:GetObject", "s3:PutObject", "s3:ListBucket"]
_LOGS = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]
_GROUP = "/aws/sagemaker/TransformJobs"
_CSV = {"ContentType": "text/csv", "SplitType": "Line"}
_RESOURCES = {"InstanceType": "ml.m5.large", "InstanceCount": 1}


class Transforms:
    """One bucket, one role, one image with a model server, one model."""

    def __init__(self, cloud: EmbeddedCloud, image: str) -> None:
        self.cloud, self.image = cloud, image
        self.s3, self.sagemaker, self.logs = (cloud.client(name) for name in ("s3", "sagemaker", "logs"))
        self.bucket = unique("transform")
        self.s3.create_bucket(Bucket=self.bucket)
        self.role = cloud.role(unique("model"), "sagemaker.amazonaws.com", allow(_S3), allow(_LOGS))
        self.model = self.create_model()

    def create_model(self, **environment: str) -> str:
        name = unique("model")
        container = {"Image": self.image, "ModelDataUrl": self._model_data(), "Environment": environment}
        self.sagemaker.create_model(ModelName=name, PrimaryContainer=container, ExecutionRoleArn=self.role)
        return name

    def _model_data(self) -> str:
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w:gz") as tar:
            member = tarfile.TarInfo("weights.txt")
            member.size = 3
            tar.addfile(member, io.BytesIO(b"1.5"))
        return self.put("model.tar.gz", archive.getvalue())

    def put(self, key: str, body: bytes | str) -> str:
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=body)
        return f"s3://{self.bucket}/{key}"

    def start(
        self,
        uri: str,
        source: dict[str, Any],
        target: dict[str, Any] | None = None,
        *,
        model: str | None = None,
        resources: dict[str, Any] | None = None,
        data_type: str = "S3Prefix",
        **members: Any,
    ) -> str:
        name = unique("transform")
        self.sagemaker.create_transform_job(
            TransformJobName=name,
            ModelName=model or self.model,
            TransformInput={"DataSource": {"S3DataSource": {"S3DataType": data_type, "S3Uri": uri}}, **source},
            TransformOutput={"S3OutputPath": f"s3://{self.bucket}/out/{name}", **(target or {})},
            TransformResources={**_RESOURCES, **(resources or {})},
            **members,
        )
        return name

    def ended(self, name: str) -> dict[str, Any]:
        def job() -> dict | None:
            found = self.sagemaker.describe_transform_job(TransformJobName=name)
            return found if found["TransformJobStatus"] in _FINAL else None

        return eventually(job, 60)

    def run(self, *arguments: Any, **members: Any) -> dict[str, bytes]:
        """The outputs of a job that must complete, by their keys below the output path."""
        job = self.ended(self.start(*arguments, **members))
        assert job["TransformJobStatus"] == "Completed", (job.get("FailureReason"), self.data_log(job))
        return self.outputs(job)

    def outputs(self, job: dict[str, Any]) -> dict[str, bytes]:
        return self.objects(f"out/{job['TransformJobName']}/")

    def objects(self, prefix: str) -> dict[str, bytes]:
        found = self.s3.list_objects_v2(Bucket=self.bucket, Prefix=prefix).get("Contents", [])
        return {
            entry["Key"].removeprefix(prefix): self.s3.get_object(Bucket=self.bucket, Key=entry["Key"])["Body"].read()
            for entry in found
        }

    def data_log(self, job: dict[str, Any]) -> list[str]:
        return [line for name, lines in self.streams(job).items() if name.endswith("/data-log") for line in lines]

    def streams(self, job: dict[str, Any]) -> dict[str, list[str]]:
        prefix = f"{job['TransformJobName']}/"
        try:
            found = self.logs.describe_log_streams(logGroupName=_GROUP, logStreamNamePrefix=prefix)["logStreams"]
        except self.logs.exceptions.ResourceNotFoundException:
            return {}
        names = [stream["logStreamName"] for stream in found]
        return {name: self._lines(name) for name in names}

    def _lines(self, stream: str) -> list[str]:
        events = self.logs.get_log_events(logGroupName=_GROUP, logStreamName=stream, startFromHead=True)["events"]
        return [event["message"] for event in events]


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the image's Dockerfile."""
    context = tmp_path_factory.mktemp("image")
    (context / "Dockerfile").write_text(
        f"FROM python:3.{sys.version_info.minor}\nCOPY serve.py /opt/program/serve.py\n"
        'ENTRYPOINT ["python3", "/opt/program/serve.py"]\n'
    )
    (context / "serve.py").write_text(BATCH_SERVER)
    return context


def build_image(cloud: EmbeddedCloud, context: Path) -> str:
    registry = ImageRegistry(SimpleNamespace(state_dir=cloud.state_dir, account=cloud.account))
    registry.build(context, context / "Dockerfile", {}, "batch:1")
    return "batch:1"


@pytest.fixture(scope="module")
def transforms(cloud: EmbeddedCloud, image: Path) -> Transforms:
    return Transforms(cloud, build_image(cloud, image))


@pytest.mark.real_effect("CreateTransformJob", "DescribeTransformJob")
def test_every_object_becomes_an_output_beside_its_key(transforms: Transforms) -> None:
    transforms.put("in/a.csv", "1,2\n3,4\n")
    transforms.put("in/sub/b.csv", "5,6")
    outputs = transforms.run(f"s3://{transforms.bucket}/in/", _CSV, {"AssembleWith": "Line"})
    assert outputs == {"a.csv.out": b"3\n7\n", "sub/b.csv.out": b"11\n"}


def test_order_is_kept_over_many_concurrent_requests(transforms: Transforms) -> None:
    uri = transforms.put("order/rows.csv", "".join(f"{n},{n}\n" for n in range(2000)))
    members = {"BatchStrategy": "SingleRecord", "MaxConcurrentTransforms": 8}
    outputs = transforms.run(uri, _CSV, {"AssembleWith": "Line"}, **members)
    assert outputs["rows.csv.out"].decode().split() == [f"{2 * n}" for n in range(2000)]


def test_the_container_is_told_and_its_parameters_are_honoured(transforms: Transforms) -> None:
    parameters = {"MaxConcurrentTransforms": 3, "BatchStrategy": "SINGLE_RECORD", "MaxPayloadInMB": 2}
    model = transforms.create_model(EXECUTION_PARAMETERS=json.dumps(parameters), FROM_JOB="model")
    uri = transforms.put("parameters/lines.txt", "a\nb\nc\n")
    source, target = {"SplitType": "Line", "ContentType": "text/plain"}, {"Accept": "text/x", "AssembleWith": "Line"}
    name = transforms.start(uri, source, target, model=model, MaxPayloadInMB=5, Environment={"FROM_JOB": "job"})
    job = transforms.ended(name)
    answers = [json.loads(line) for line in transforms.outputs(job)["lines.txt.out"].splitlines()]
    assert [answer["size"] for answer in answers] == [1, 1, 1]
    assert answers[0]["environment"] == {
        "FROM_JOB": "job",
        "SAGEMAKER_BATCH": "true",
        "SAGEMAKER_MAX_PAYLOAD_IN_MB": "5",
    }
    assert (answers[0]["content_type"], answers[0]["accept"], answers[0]["model"]) == ("text/plain", "text/x", "1.5")
    (line,) = transforms.data_log(job)
    assert line.endswith(":[sagemaker logs]: MaxConcurrentTransforms=3, MaxPayloadInMB=5, BatchStrategy=SINGLE_RECORD")


def test_what_the_container_prints_is_in_the_log_of_its_instance(transforms: Transforms) -> None:
    job = transforms.ended(transforms.start(transforms.put("log/a.txt", "hello"), {"ContentType": "text/plain"}))
    (lines,) = [lines for name, lines in transforms.streams(job).items() if not name.endswith("/data-log")]
    assert lines == ["invoked with 5 bytes"]


def test_several_instances_share_the_objects(transforms: Transforms) -> None:
    for n in range(6):
        transforms.put(f"shared/{n}.txt", f"{n}")
    outputs = transforms.run(
        f"s3://{transforms.bucket}/shared/", {"ContentType": "text/plain"}, resources={"InstanceCount": 2}
    )
    ports = [json.loads(outputs[f"{n}.txt.out"])["port"] for n in range(6)]
    assert len(set(ports)) == 2
    assert ports[0] == ports[2] == ports[4] != ports[1] == ports[3] == ports[5]


def test_a_manifest_names_the_objects_and_gzip_is_unpacked(transforms: Transforms) -> None:
    transforms.put("zipped/one.csv.gz", gzip.compress(b"1,1\n") + gzip.compress(b"2,2\n"))
    transforms.put("zipped/not-listed.csv.gz", b"no gzip")
    entries = [{"prefix": f"s3://{transforms.bucket}/zipped/"}, "one.csv.gz"]
    uri = transforms.put("manifest.json", json.dumps(entries))
    source = {**_CSV, "CompressionType": "Gzip"}
    assert transforms.run(uri, source, data_type="ManifestFile") == {"one.csv.gz.out": b"2\n4\n"}


def test_predictions_are_joined_to_the_columns_that_the_model_must_not_see(transforms: Transforms) -> None:
    uri = transforms.put("join/people.csv", 'id-1,"Doe, J",1,2\nid-2,Roe,3,4\n')
    processing = {"InputFilter": "$[2:]", "JoinSource": "Input", "OutputFilter": "$[0,1,-1]"}
    outputs = transforms.run(
        uri,
        _CSV,
        {"AssembleWith": "Line", "Accept": "text/csv"},
        DataProcessing=processing,
        BatchStrategy="MultiRecord",
    )
    assert outputs["people.csv.out"] == b'id-1,"Doe, J",3\nid-2,Roe,7\n'


def test_json_lines_are_joined_as_sagemaker_output(transforms: Transforms) -> None:
    uri = transforms.put("join/people.jsonl", '{"id": "a", "features": {"x": 1}}\n{"id": "b", "features": {"x": 2}}\n')
    processing = {"InputFilter": "$.features", "JoinSource": "Input", "OutputFilter": "$['id','SageMakerOutput']"}
    outputs = transforms.run(
        uri,
        {"ContentType": "application/jsonlines", "SplitType": "Line"},
        {"AssembleWith": "Line", "Accept": "application/jsonlines"},
        DataProcessing=processing,
    )
    assert [json.loads(line) for line in outputs["people.jsonl.out"].splitlines()] == [
        {"id": "a", "SageMakerOutput": {"y": 2}},
        {"id": "b", "SageMakerOutput": {"y": 4}},
    ]


def test_a_large_object_goes_through_in_payloads_of_the_limit(transforms: Transforms) -> None:
    line = b"x" * 1023 + b"\n"
    uri = transforms.put("large/lines.txt", line * (5 * 1024 + 1))
    outputs = transforms.run(
        uri, {"SplitType": "Line", "ContentType": "text/plain"}, {"AssembleWith": "Line"}, MaxPayloadInMB=1
    )
    sizes = [json.loads(answer)["size"] for answer in outputs["lines.txt.out"].splitlines()]
    assert sizes == [1 << 20] * 5 + [1024]


def test_a_payload_without_limit_is_sent_in_chunks(transforms: Transforms) -> None:
    uri = transforms.put("chunked/large.bin", bytes(3 << 20))
    outputs = transforms.run(uri, {"ContentType": "application/octet-stream"}, MaxPayloadInMB=0)
    answer = json.loads(outputs["large.bin.out"])
    assert (answer["size"], answer["chunked"]) == (3 << 20, "chunked")


def test_a_refused_record_fails_the_job_and_the_log_names_it(transforms: Transforms) -> None:
    transforms.put("refused/1.csv", "1\n2\nbad\n4\n")
    transforms.put("refused/2.csv", "5\n")
    name = transforms.start(f"s3://{transforms.bucket}/refused/", _CSV, BatchStrategy="SingleRecord")
    job = transforms.ended(name)
    assert (job["TransformJobStatus"], job["FailureReason"]) == (
        "Failed",
        "ClientError: See job logs for more information",
    )
    where = f"{transforms.bucket}/refused/1.csv: "
    told = [line.split("[sagemaker logs]: ")[1] for line in transforms.data_log(job)][1:]
    assert told == [
        where + text for text in ("Failed at record 3", "ClientError: 400", "", "Message:", "cannot read 'bad'")
    ]
    assert transforms.outputs(job) == {"2.csv.out": b"5\n"}, "what succeeded is there, and nothing half done"


def test_a_model_error_is_an_algorithm_error_after_its_retries(transforms: Transforms) -> None:
    uri = transforms.put("boom.csv", "boom\n")
    job = transforms.ended(transforms.start(uri, _CSV, ModelClientConfig={"InvocationsMaxRetries": 1}))
    assert job["FailureReason"] == "AlgorithmError: See job logs for more information"
    assert any("Bad HTTP status received from algorithm: 500" in line for line in transforms.data_log(job))


def test_a_request_that_fails_once_is_sent_again(transforms: Transforms) -> None:
    uri = transforms.put("flaky.txt", "flaky")
    outputs = transforms.run(uri, {"ContentType": "text/plain"})
    assert json.loads(outputs["flaky.txt.out"])["size"] == 5


def test_a_model_that_takes_too_long_ends_the_job(transforms: Transforms) -> None:
    model = transforms.create_model(SECONDS="30")
    config = {"InvocationsTimeoutInSeconds": 1, "InvocationsMaxRetries": 0}
    job = transforms.ended(
        transforms.start(transforms.put("slow.csv", "1\n"), _CSV, model=model, ModelClientConfig=config)
    )
    assert job["FailureReason"].startswith("InternalServerError: We encountered an internal error")
    assert any("slow.csv: Unable to get response from algorithm" in line for line in transforms.data_log(job))


def test_a_record_over_the_limit_is_refused(transforms: Transforms) -> None:
    uri = transforms.put("over.bin", bytes((1 << 20) + 1))
    job = transforms.ended(transforms.start(uri, {"ContentType": "text/plain"}, MaxPayloadInMB=1))
    assert job["FailureReason"] == "ClientError: See job logs for more information"
    assert any("Too much data for max payload size" in line for line in transforms.data_log(job))


def test_what_s3_refuses_is_said(transforms: Transforms) -> None:
    job = transforms.ended(transforms.start(f"s3://{transforms.bucket}/nothing-here/", _CSV))
    assert "No S3 objects found under S3 URL" in job["FailureReason"]


@pytest.mark.real_effect("StopTransformJob")
def test_a_stopped_job_leaves_no_output(transforms: Transforms) -> None:
    model = transforms.create_model(SECONDS="0.2")
    transforms.put("stopped/1.csv", "1\n")
    uri = transforms.put("stopped/2.csv", "1\n" * 1000).rpartition("/")[0]
    name = transforms.start(uri, _CSV, model=model, BatchStrategy="SingleRecord")
    eventually(lambda: transforms.data_log({"TransformJobName": name}))
    transforms.sagemaker.stop_transform_job(TransformJobName=name)
    job = transforms.ended(name)
    assert job["TransformJobStatus"] == "Stopped"
    assert job["TransformEndTime"] >= job["TransformStartTime"]
    assert transforms.outputs(job) == {}
    with pytest.raises(ClientError, match="the transform job is in status Stopped"):
        transforms.sagemaker.stop_transform_job(TransformJobName=name)


def test_capture_lists_what_was_read_and_written_and_labels_every_record(transforms: Transforms) -> None:
    uri = transforms.put("captured/a.csv", "1,2\n3,4\n")
    capture = {"DestinationS3Uri": f"s3://{transforms.bucket}/capture", "GenerateInferenceId": True}
    name = transforms.start(uri, _CSV, {"Accept": "text/csv", "AssembleWith": "Line"}, DataCaptureConfig=capture)
    job = transforms.ended(name)
    assert job["TransformJobStatus"] == "Completed", job
    rows = [row.split(",") for row in transforms.outputs(job)["a.csv.out"].decode().splitlines()]
    assert [row[0] for row in rows] == ["3", "7"]
    assert len({row[1] for row in rows}) == 2 and all(row[2].endswith("Z") for row in rows)
    manifests = {key.split("/")[0]: json.loads(body) for key, body in transforms.objects("capture/").items()}
    assert manifests == {
        "input": [{"prefix": f"s3://{transforms.bucket}/captured/"}, "a.csv"],
        "output": [{"prefix": f"s3://{transforms.bucket}/out/{name}/"}, "a.csv.out"],
    }
    moment = job["TransformStartTime"].astimezone().utctimetuple()
    assert all(f"/{moment.tm_year}/" in key for key in transforms.objects("capture/"))


def test_the_waiter_and_the_pages_see_the_jobs(transforms: Transforms) -> None:
    uri = transforms.put("waited.csv", "1\n")
    names = {transforms.start(uri, _CSV) for _ in range(3)}
    for name in names:
        transforms.sagemaker.get_waiter("transform_job_completed_or_stopped").wait(
            TransformJobName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
        )
    pages = transforms.sagemaker.get_paginator("list_transform_jobs").paginate(
        StatusEquals="Completed", SortBy="CreationTime", SortOrder="Descending", MaxResults=2
    )
    listed = [job for page in pages for job in page["TransformJobSummaries"]]
    assert {job["TransformJobName"] for job in listed[:3]} == names
    assert {job["TransformJobStatus"] for job in listed} == {"Completed"}


def test_a_state_machine_waits_for_the_job(transforms: Transforms) -> None:
    uri = transforms.put("machine.csv", "1,2\n")
    name = unique("transform")
    arguments = {
        "TransformJobName": name,
        "ModelName": transforms.model,
        "TransformInput": {"DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": uri}}, **_CSV},
        "TransformOutput": {"S3OutputPath": f"s3://{transforms.bucket}/out/{name}"},
        "TransformResources": _RESOURCES,
    }
    task = {"Type": "Task", "Resource": "arn:aws:states:::sagemaker:createTransformJob.sync", "End": True}
    machine = {"QueryLanguage": "JSONata", "StartAt": "Score", "States": {"Score": {**task, "Arguments": arguments}}}
    cloud, states = transforms.cloud, transforms.cloud.client("stepfunctions")
    actions = ["CreateTransformJob", "DescribeTransformJob", "StopTransformJob", "AddTags", "ListTags"]
    rules = allow(["events:PutTargets", "events:PutRule", "events:DescribeRule"])
    role = cloud.role(unique("states"), "states.amazonaws.com", allow([f"sagemaker:{a}" for a in actions]), rules)
    created = states.create_state_machine(name=unique("score"), definition=json.dumps(machine), roleArn=role)
    arn = states.start_execution(stateMachineArn=created["stateMachineArn"])["executionArn"]

    def execution() -> dict | None:
        found = states.describe_execution(executionArn=arn)
        return found if found["status"] != "RUNNING" else None

    ended = eventually(execution, 60)
    assert ended["status"] == "SUCCEEDED", ended
    assert json.loads(ended["output"])["TransformJobStatus"] == "Completed"
    assert transforms.outputs({"TransformJobName": name}) == {"machine.csv.out": b"3\n"}
    job_arn = transforms.sagemaker.describe_transform_job(TransformJobName=name)["TransformJobArn"]
    tags = transforms.sagemaker.list_tags(ResourceArn=job_arn)["Tags"]
    assert {"Key": "MANAGED_BY_AWS", "Value": "STARTED_BY_STEP_FUNCTIONS"} in tags


def test_a_model_that_never_becomes_healthy_can_be_stopped(transforms: Transforms) -> None:
    model = transforms.create_model(NEVER_HEALTHY="1")
    name = transforms.start(transforms.put("healthy.csv", "1\n"), _CSV, model=model)
    eventually(lambda: "TransformStartTime" in transforms.sagemaker.describe_transform_job(TransformJobName=name))
    transforms.sagemaker.stop_transform_job(TransformJobName=name)
    assert transforms.ended(name)["TransformJobStatus"] == "Stopped"


def test_a_server_that_ends_before_it_is_healthy_fails_the_job_and_the_log_says_how(transforms: Transforms) -> None:
    model = transforms.create_model(PYTHONHOME="/nowhere")
    job = transforms.ended(transforms.start(transforms.put("ends.csv", "1\n"), _CSV, model=model))
    assert job["FailureReason"] == (
        "AlgorithmError: Model container failed to respond to ping. Please ensure /ping endpoint is implemented and"
        " responds with an HTTP 200 status code"
    )
    assert any("the process ended with exit code" in line for line in transforms.data_log(job))


def test_a_role_that_may_not_read_fails_the_job_and_is_named(transforms: Transforms, cloud: EmbeddedCloud) -> None:
    role = cloud.role(unique("blind"), "sagemaker.amazonaws.com", allow("s3:ListBucket"))
    model = unique("model")
    transforms.sagemaker.create_model(
        ModelName=model, PrimaryContainer={"Image": transforms.image}, ExecutionRoleArn=role
    )
    job = transforms.ended(transforms.start(transforms.put("unreadable.csv", "1\n"), _CSV, model=model))
    assert job["TransformJobStatus"] == "Failed"
    assert f'ensure that the role "{role}" has "s3:GetObject" permissions' in job["FailureReason"]


def test_a_role_that_may_not_write_fails_the_job(transforms: Transforms, cloud: EmbeddedCloud) -> None:
    role = cloud.role(unique("mute"), "sagemaker.amazonaws.com", allow(["s3:ListBucket", "s3:GetObject"]))
    model = unique("model")
    transforms.sagemaker.create_model(
        ModelName=model, PrimaryContainer={"Image": transforms.image}, ExecutionRoleArn=role
    )
    job = transforms.ended(transforms.start(transforms.put("unwritable.csv", "1\n"), _CSV, model=model))
    assert "Artifact upload failed" in job["FailureReason"]
    assert '"s3:PutObject"' in job["FailureReason"]


def test_a_model_server_that_dies_on_a_record_ends_the_job(transforms: Transforms) -> None:
    uri = transforms.put("deadly.csv", "die\n")
    job = transforms.ended(transforms.start(uri, _CSV, ModelClientConfig={"InvocationsMaxRetries": 1}))
    assert job["FailureReason"].startswith("InternalServerError")
    assert any("Unable to get response from algorithm" in line for line in transforms.data_log(job))


def test_damaged_gzip_is_the_clients_fault(transforms: Transforms) -> None:
    uri = transforms.put("damaged.csv.gz", gzip.compress(b"1\n" * 1000)[:-10])
    job = transforms.ended(transforms.start(uri, {**_CSV, "CompressionType": "Gzip"}))
    assert job["FailureReason"] == "ClientError: See job logs for more information"
    assert any("Unable to decompress" in line for line in transforms.data_log(job))


def test_two_jobs_of_one_name_are_one(transforms: Transforms) -> None:
    uri = transforms.put("twice.csv", "1\n")
    name = transforms.start(uri, _CSV)
    job = transforms.sagemaker.describe_transform_job(TransformJobName=name)
    again = {
        k: job[k] for k in ("TransformJobName", "ModelName", "TransformInput", "TransformOutput", "TransformResources")
    }
    with pytest.raises(transforms.sagemaker.exceptions.ResourceInUse):
        transforms.sagemaker.create_transform_job(**again)
    assert transforms.ended(name)["TransformJobStatus"] == "Completed"


def test_a_job_that_ran_when_the_cloud_was_killed_has_failed_and_left_nothing(image: Path, tmp_path: Path) -> None:
    first = EmbeddedCloud.start(tmp_path / "state")
    transforms = Transforms(first, build_image(first, image))
    model = transforms.create_model(SECONDS="0.2")
    name = transforms.start(transforms.put("killed.csv", "1\n" * 1000), _CSV, model=model, BatchStrategy="SingleRecord")
    eventually(lambda: transforms.data_log({"TransformJobName": name}))
    first.kill()
    second = EmbeddedCloud.start(tmp_path / "state")
    try:
        job = second.client("sagemaker").describe_transform_job(TransformJobName=name)
        assert job["TransformJobStatus"] == "Failed"
        assert job["FailureReason"].startswith("InternalServerError")
        assert job["TransformEndTime"] >= job["TransformStartTime"]
    finally:
        second.stop()


def test_an_isolated_model_answers_and_has_no_credentials(transforms: Transforms) -> None:
    model = unique("model")
    transforms.sagemaker.create_model(
        ModelName=model,
        PrimaryContainer={"Image": transforms.image},
        ExecutionRoleArn=transforms.role,
        EnableNetworkIsolation=True,
    )
    source = {"ContentType": "text/plain"}
    isolated = json.loads(transforms.run(transforms.put("isolated.txt", "x"), source, model=model)["isolated.txt.out"])
    assert isolated["credentials"] is False
    other = json.loads(transforms.run(transforms.put("open.txt", "x"), source)["open.txt.out"])
    assert other["credentials"] is True


def test_outputs_are_encrypted_with_the_jobs_key(transforms: Transforms, cloud: EmbeddedCloud) -> None:
    key = cloud.client("kms").create_key()["KeyMetadata"]["Arn"]
    name = transforms.start(transforms.put("secret.csv", "1\n"), _CSV, {"KmsKeyId": key})
    assert transforms.ended(name)["TransformJobStatus"] == "Completed"
    head = transforms.s3.head_object(Bucket=transforms.bucket, Key=f"out/{name}/secret.csv.out")
    assert (head["ServerSideEncryption"], head["SSEKMSKeyId"]) == ("aws:kms", key)
