"""Faults that a person asks for: a function that dies, calls that are throttled."""

from __future__ import annotations

import io
import json
import zipfile

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.support.embedded_cloud import EmbeddedCloud, command, unique

CODE = "def handler(event, context):\n    return event\n"


def administer(cloud: EmbeddedCloud, *arguments: str) -> None:
    result = command(*arguments, "--state", str(cloud.state_dir))
    assert result.returncode == 0, result.stderr


@pytest.fixture
def function(cloud: EmbeddedCloud) -> str:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("main.py", CODE)
    name = unique("dies")
    role = cloud.role(name, "lambda.amazonaws.com")
    cloud.client("lambda").create_function(
        FunctionName=name, Runtime="python3.12", Role=role, Handler="main.handler", Code={"ZipFile": packed.getvalue()}
    )
    return name


def test_a_crash_ends_one_invocation_in_the_words_of_lambda(cloud: EmbeddedCloud, function: str) -> None:
    invoke = cloud.client("lambda").invoke
    administer(cloud, "crash", function)
    answer = invoke(FunctionName=function, Payload=b"1")
    told = json.load(answer["Payload"])
    assert (answer["FunctionError"], told["errorType"]) == ("Unhandled", "Runtime.ExitError")
    assert "signal: killed" in told["errorMessage"]
    assert json.load(invoke(FunctionName=function, Payload=b"2")["Payload"]) == 2


def test_throttled_calls_are_refused_until_it_is_over(cloud: EmbeddedCloud) -> None:
    once = cloud.client("sagemaker", config=Config(retries={"total_max_attempts": 1}))
    administer(cloud, "throttle", "--share", "1", "--seconds", "600")
    try:
        with pytest.raises(ClientError) as refused:
            once.list_models()
    finally:
        administer(cloud, "throttle", "--share", "0", "--seconds", "0")
    assert refused.value.response["Error"] == {"Code": "ThrottlingException", "Message": "Rate exceeded"}
    once.list_models()


@pytest.mark.parametrize(
    "arguments", [["--share", "2"], ["--share", "-0.1"], ["--seconds", "-1"], ["--seconds", "inf"]]
)
def test_a_share_or_a_time_that_cannot_be_is_refused(cloud: EmbeddedCloud, arguments: list[str]) -> None:
    result = command("throttle", *arguments, "--state", str(cloud.state_dir))
    assert result.returncode == 2
    assert arguments[0] in result.stderr
