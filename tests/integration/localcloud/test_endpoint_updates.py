"""Endpoints through the API: streamed answers, data capture, alarms of guarded updates, hostile model archives."""

import io
import json
import tarfile
import time
from collections.abc import Iterator

import botocore.exceptions
import pytest

from tests.support.embedded_cloud import EmbeddedCloud, allow, command, eventually, unique
from tests.support.hosting import Hosting, build_server


@pytest.fixture(scope="module")
def hosting(cloud: EmbeddedCloud, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosting]:
    build_server(cloud, tmp_path_factory.mktemp("image"))
    yield Hosting(cloud)


@pytest.fixture(scope="module")
def served(hosting: Hosting) -> str:
    name = hosting.endpoint(hosting.config(hosting.model_data("first")))
    document = hosting.settled(name)
    assert document["EndpointStatus"] == "InService", document.get("FailureReason")
    return name


@pytest.mark.real_effect("InvokeEndpointWithResponseStream")
def test_an_answer_is_streamed_in_the_parts_that_the_container_sends(hosting: Hosting, served: str) -> None:
    answer = hosting.runtime.invoke_endpoint_with_response_stream(
        EndpointName=served, Body=b"stream one two three", Accept="text/plain"
    )
    assert (answer["ContentType"], answer["InvokedProductionVariant"]) == ("text/plain", "primary")
    arrivals = [(time.monotonic(), event["PayloadPart"]["Bytes"]) for event in answer["Body"]]
    assert [part for _, part in arrivals] == [b"one", b"two", b"three"]
    assert arrivals[-1][0] - arrivals[0][0] > 0.2  # not all at the end


def test_a_stream_that_breaks_ends_with_a_modelled_error(hosting: Hosting, served: str) -> None:
    answer = hosting.runtime.invoke_endpoint_with_response_stream(EndpointName=served, Body=b"stream one die")
    parts = iter(answer["Body"])
    assert next(parts)["PayloadPart"]["Bytes"] == b"one"
    with pytest.raises(botocore.exceptions.EventStreamError, match=r"ModelStreamError.*model process exited"):
        next(parts)

    def answers() -> bool:
        try:
            return bool(hosting.invoke(served))
        except botocore.exceptions.ClientError:
            return False

    eventually(answers)


def test_a_model_error_before_the_first_part_is_an_error(hosting: Hosting, served: str) -> None:
    with pytest.raises(hosting.runtime.exceptions.ModelError):
        hosting.runtime.invoke_endpoint_with_response_stream(EndpointName=served, Body=b"fail")


def test_a_sample_of_requests_and_answers_is_captured_with_the_role(hosting: Hosting) -> None:
    capture = {
        "EnableCapture": True,
        "InitialSamplingPercentage": 50,
        "DestinationS3Uri": f"s3://{hosting.bucket}/captured",
        "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
        "CaptureContentTypeHeader": {"JsonContentTypes": ["application/json"]},
    }
    writing = allow("s3:*"), allow(["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"])
    role = hosting.cloud.role(unique("capture"), "sagemaker.amazonaws.com", *writing)
    config = hosting.config(hosting.model_data("seen"), role=role, DataCaptureConfig=capture)
    name = hosting.endpoint(config)
    described = hosting.settled(name)["DataCaptureConfig"]
    assert (described["CaptureStatus"], described["CurrentSamplingPercentage"]) == ("Started", 50)
    body = {"Body": b'{"a": 1}', "ContentType": "application/json", "InferenceId": "id-1"}
    for _ in range(4):
        hosting.runtime.invoke_endpoint(EndpointName=name, **body)
    hosting.sagemaker.delete_endpoint(EndpointName=name)  # what is left is written at the end

    s3, prefix = hosting.cloud.client("s3"), f"captured/{name}/primary/"

    def lines() -> list[dict]:
        found = s3.list_objects_v2(Bucket=hosting.bucket, Prefix=prefix).get("Contents", [])
        texts = [s3.get_object(Bucket=hosting.bucket, Key=item["Key"])["Body"].read() for item in found]
        records = [json.loads(line) for text in texts for line in text.splitlines()]
        return records if len(records) == 2 else []

    for record in eventually(lines):
        data = record["captureData"]
        assert (data["endpointInput"]["data"], data["endpointInput"]["encoding"]) == ('{"a": 1}', "JSON")
        assert json.loads(data["endpointOutput"]["data"]) == {"model": "seen", "size": 8}
        assert record["eventMetadata"]["inferenceId"] == "id-1"


def _alarm(hosting: Hosting, state: str) -> str:
    name = unique("errors")
    cloudwatch = hosting.cloud.client("cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName=name,
        Namespace="Tests",
        MetricName="Errors",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
    )
    cloudwatch.set_alarm_state(AlarmName=name, StateValue=state, StateReason="test")
    return name


@pytest.mark.parametrize("case", ["rings", "is missing", "may not be read"])
def test_an_update_is_rolled_back_for_an_alarm_that(hosting: Hosting, served: str, case: str) -> None:
    alarm = unique("absent") if case == "is missing" else _alarm(hosting, "ALARM" if case == "rings" else "OK")
    permissions = [] if case == "may not be read" else [allow("cloudwatch:DescribeAlarms", f"*:alarm:{alarm}")]
    role = hosting.cloud.role(unique("watch"), "sagemaker.amazonaws.com", allow("s3:GetObject"), *permissions)
    before = hosting.sagemaker.describe_endpoint(EndpointName=served)["EndpointConfigName"]
    routing = {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0}
    hosting.sagemaker.update_endpoint(
        EndpointName=served,
        EndpointConfigName=hosting.config(hosting.model_data("new"), role=role),
        DeploymentConfig={
            "BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing},
            "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": alarm}]},
        },
    )
    document = hosting.settled(served)
    assert document["EndpointConfigName"] == before
    assert alarm in document["FailureReason"]
    words = {"rings": "ALARM state", "is missing": "Could not find", "may not be read": "is not authorized"}
    assert words[case] in document["FailureReason"]
    assert hosting.invoke(served)["Body"]["model"] == "first"


@pytest.mark.parametrize("evil", ["../escape", "/absolute", "link", "bomb"])
def test_an_update_to_a_hostile_archive_leaves_the_old_model_answering(
    hosting: Hosting, served: str, evil: str
) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        member = tarfile.TarInfo(evil)
        if evil == "link":
            member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
        member.size = 100 << 20 if evil == "bomb" else 0
        tar.addfile(member, _Zeros())
    before = hosting.sagemaker.describe_endpoint(EndpointName=served)["EndpointConfigName"]
    config = hosting.config(hosting.put(buffer.getvalue()))
    hosting.sagemaker.update_endpoint(EndpointName=served, EndpointConfigName=config)
    document = hosting.settled(served)
    assert (document["EndpointStatus"], document["EndpointConfigName"]) == ("InService", before)
    assert "Failed to extract model data archive" in document["FailureReason"]
    assert hosting.invoke(served)["Body"]["model"] == "first"


class _Zeros(io.RawIOBase):
    def read(self, size: int = -1) -> bytes:
        return bytes(size)


def test_maintenance_replaces_the_instances_and_no_request_fails(hosting: Hosting) -> None:
    config = hosting.config(hosting.model_data("kept"))
    name = hosting.endpoint(config)
    before = hosting.settled(name)
    weights = {"VariantName": "primary", "DesiredInstanceCount": 2}
    hosting.sagemaker.update_endpoint_weights_and_capacities(EndpointName=name, DesiredWeightsAndCapacities=[weights])
    hosting.settled(name)
    groups = hosting.cloud.client("logs")
    state = str(hosting.cloud.state_dir)

    def started() -> int:
        return len(groups.describe_log_streams(logGroupName=f"/aws/sagemaker/Endpoints/{name}")["logStreams"])

    assert eventually(lambda: started() == 2)
    assert command("maintain", name, "--state", state).returncode == 0
    seen = set()
    with pytest.raises(botocore.exceptions.ClientError, match="Cannot update in-progress endpoint"):
        hosting.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=config)

    def maintained() -> bool:
        seen.add(hosting.sagemaker.describe_endpoint(EndpointName=name)["EndpointStatus"])
        assert hosting.invoke(name)["Body"]["model"] == "kept"
        return "InService" in seen

    eventually(maintained, 60)
    assert seen == {"SystemUpdating", "InService"}
    after = hosting.sagemaker.describe_endpoint(EndpointName=name)
    assert eventually(lambda: started() == 4)
    assert after["EndpointConfigName"] == before["EndpointConfigName"]
    assert after["ProductionVariants"][0]["CurrentInstanceCount"] == 2
    refused = command("maintain", "nobody", "--state", state)
    assert (refused.returncode, "there is no such endpoint" in refused.stderr) == (1, True)


def test_an_endpoint_with_one_model_takes_no_target_model(hosting: Hosting, served: str) -> None:
    with pytest.raises(botocore.exceptions.ClientError, match="it has no multi-model container"):
        hosting.runtime.invoke_endpoint(EndpointName=served, TargetModel="m.tar.gz", Body=b"{}")
