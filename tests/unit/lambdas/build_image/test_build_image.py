"""The function behind the serving images' custom resource, with real clients against a loopback server."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from build_image import handler as build_image
from build_image import logic, request, response
from build_image.logic import BuildFailed, Services
from build_image.request import InvalidProperties
from build_image.response import Response

from tests.support.loopback_aws import LoopbackAws, ServiceError

REPOSITORY_URI = "000000000000.dkr.ecr.eu-central-1.amazonaws.com/slipway-dev-digits"
ECR, CODEBUILD, LOGS = "AmazonEC2ContainerRegistry_V20150921.", "CodeBuild_20161006.", "Logs_20140328."
PROPERTIES = {
    "ServiceToken": "arn:aws:lambda:eu-central-1:000000000000:function:build",
    "ServiceTimeout": "900",
    "ProjectName": "images",
    "ServiceRole": "arn:aws:iam::000000000000:role/build",
    "Dockerfile": "server/Dockerfile",
    "SourceBucket": "assets",
    "SourceKey": "abc.zip",
    "ImageRepositoryUri": REPOSITORY_URI,
    "ImageTag": "abc",
    "BuildArgs": {"WORKLOAD": "digits"},
}


class Account:
    """A repository and a project whose build pushes the tag when it succeeds."""

    def __init__(self, aws: LoopbackAws) -> None:
        self.aws = aws
        self.tags: set[str] = set()
        self.outcomes = ["IN_PROGRESS", "SUCCEEDED"]
        self.phases: list[dict[str, Any]] = []
        self.pushes = True
        self.lines = ["Step 1", "boom\n"]
        aws.operations |= {
            f"{ECR}DescribeImages": self._describe,
            f"{CODEBUILD}StartBuild": lambda parameters: {"build": self._build("IN_PROGRESS")},
            f"{CODEBUILD}BatchGetBuilds": self._get,
            f"{LOGS}GetLogEvents": lambda parameters: {"events": [{"message": line} for line in self.lines]},
        }

    def _describe(self, parameters: dict[str, Any]) -> dict[str, Any]:
        [wanted] = parameters["imageIds"]
        if wanted["imageTag"] not in self.tags:
            raise ServiceError("ImageNotFoundException", "The image does not exist")
        return {"imageDetails": [{"imageTags": [wanted["imageTag"]]}]}

    def _build(self, status: str) -> dict[str, Any]:
        logs = {"groupName": "/aws/codebuild/images", "streamName": "1"}
        return {"id": "images:1", "buildStatus": status, "currentPhase": "BUILD", "phases": self.phases, "logs": logs}

    def _get(self, parameters: dict[str, Any]) -> dict[str, Any]:
        status = self.outcomes.pop(0)
        if status == "SUCCEEDED" and self.pushes:
            self.tags.add("abc")
        return {"builds": [self._build(status)]}

    @property
    def started(self) -> list[dict[str, Any]]:
        return self.aws.called(f"{CODEBUILD}StartBuild")


@pytest.fixture
def account(aws: LoopbackAws) -> Account:
    return Account(aws)


@pytest.fixture
def services(account: Account) -> Services:
    """Time passes only by sleeping, and the invocation has a minute of it."""
    passed: list[float] = []
    return Services(
        ecr=boto3.client("ecr"),
        codebuild=boto3.client("codebuild"),
        logs=boto3.client("logs"),
        sleep=passed.append,
        remaining=lambda: 60 - sum(passed),
    )


@pytest.fixture
def ensure(services: Services) -> Callable[[], str]:
    return lambda: logic.ensure_image(request.parse(PROPERTIES), "request-1", services)


def test_a_build_is_started_with_the_source_and_the_image_and_waited_for(account: Account, ensure) -> None:
    assert ensure() == f"{REPOSITORY_URI}:abc"
    [started] = account.started
    assert (started["projectName"], started["idempotencyToken"]) == ("images", "request-1")
    assert (started["sourceTypeOverride"], started["sourceLocationOverride"]) == ("S3", "assets/abc.zip")
    variables = {variable["name"]: variable["value"] for variable in started["environmentVariablesOverride"]}
    assert variables == {
        "IMAGE_URI": f"{REPOSITORY_URI}:abc", "DOCKERFILE": "server/Dockerfile", "BUILD_ARGS": "WORKLOAD=digits"
    }  # fmt: skip
    assert started["serviceRoleOverride"] == "arn:aws:iam::000000000000:role/build"


def test_an_image_that_is_there_is_not_built(account: Account, ensure) -> None:
    account.tags.add("abc")
    assert ensure() == f"{REPOSITORY_URI}:abc"
    assert not account.started


def test_an_empty_answer_means_that_the_image_is_not_there(account: Account, ensure) -> None:
    answers = [{"imageDetails": []}, {"imageDetails": [{"imageTags": ["abc"]}]}]
    account.aws.operations[f"{ECR}DescribeImages"] = lambda parameters: answers.pop(0)
    ensure()
    assert len(account.started) == 1


@pytest.mark.parametrize("status", ["FAILED", "FAULT", "TIMED_OUT", "STOPPED"])
def test_a_failed_build_gives_its_phase_its_words_and_its_last_lines(account: Account, ensure, status: str) -> None:
    account.outcomes = [status]
    context = {"statusCode": "COMMAND_EXECUTION_ERROR", "message": "exit status 1"}
    account.phases = [
        {"phaseType": "INSTALL", "phaseStatus": "SUCCEEDED"},
        {"phaseType": "BUILD", "phaseStatus": "FAILED", "contexts": [context]},
    ]
    with pytest.raises(BuildFailed) as failed:
        ensure()
    assert str(failed.value).splitlines() == [
        f"build images:1 ended {status}",
        "phase BUILD FAILED: COMMAND_EXECUTION_ERROR exit status 1",
        "last lines of its log:",
        "Step 1",
        "boom",
    ]


def test_a_log_that_cannot_be_read_does_not_hide_the_failure(account: Account, ensure) -> None:
    def refuse(parameters: dict[str, Any]) -> dict[str, Any]:
        raise ServiceError("AccessDeniedException", "not authorized to perform: logs:GetLogEvents")

    account.outcomes = ["FAILED"]
    account.aws.operations[f"{LOGS}GetLogEvents"] = refuse
    with pytest.raises(BuildFailed, match=r"(?s)ended FAILED.*logs:GetLogEvents"):
        ensure()


def test_a_build_that_pushes_nothing_is_a_failure(account: Account, ensure) -> None:
    account.pushes = False
    with pytest.raises(BuildFailed, match="has pushed no image"):
        ensure()


def test_waiting_ends_before_the_invocation_does(account: Account, ensure, services: Services) -> None:
    account.outcomes = ["IN_PROGRESS"] * 1000
    with pytest.raises(BuildFailed, match="still in phase BUILD"):
        ensure()
    assert services.remaining() >= 0


def _limited(account: Account, limit: int, times: int) -> None:
    """The account refuses that many builds, in CodeBuild's words."""
    start = account.aws.operations[f"{CODEBUILD}StartBuild"]
    refusals = [f"Cannot have more than {limit} builds in queue for the account"] * times

    def refuse_first(parameters: dict[str, Any]) -> dict[str, Any]:
        if refusals:
            raise ServiceError("AccountLimitExceededException", refusals.pop())
        return start(parameters)

    account.aws.operations[f"{CODEBUILD}StartBuild"] = refuse_first


def test_a_build_waits_for_those_of_other_workloads(account: Account, ensure) -> None:
    _limited(account, 1, times=2)
    assert ensure() == f"{REPOSITORY_URI}:abc"
    assert len(account.started) == 3


@pytest.mark.parametrize(("limit", "asked"), [(0, 1), (1, 5)])
def test_an_account_that_builds_nothing_is_told_of(account: Account, ensure, limit: int, asked: int) -> None:
    _limited(account, limit, times=1000)
    with pytest.raises(ClientError, match=f"more than {limit} builds in queue"):
        ensure()
    assert len(account.started) == asked


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ProjectName": ""}, "ProjectName: a text is needed, not ''"),
        ({"ImageTag": "a b"}, "ImageTag: 'a b'"),
        ({"ImageRepositoryUri": "example.com/x"}, "ImageRepositoryUri: 'example.com/x'"),
        ({"BuildArgs": {"A": "1\nB=2"}}, "BuildArgs: A"),
        ({"BuildArgs": {"A B": "1"}}, "BuildArgs: A B"),
        ({"BuildArgs": "A=1"}, "BuildArgs: a mapping"),
        ({"Tag": "x"}, "unknown properties Tag"),
    ],
)
def test_properties_that_are_wrong_are_named(change: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidProperties) as refused:
        request.parse({**PROPERTIES, **change})
    assert message in str(refused.value)


# -- the handler ----------------------------------------------------------------------------------------------------


@pytest.fixture
def answers() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """CloudFormation's side: (URL, what was put there)."""
    taken: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            taken.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            assert self.headers["Content-Type"] == ""  # the presigned URL was signed without one
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Silence."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/x", taken
    server.shutdown()
    server.server_close()
    thread.join(timeout=5)


@pytest.fixture
def call(answers: tuple[str, list[dict[str, Any]]]) -> Callable[..., dict[str, Any]]:
    url, taken = answers

    def send(kind: str, **event: Any) -> dict[str, Any]:
        context = SimpleNamespace(get_remaining_time_in_millis=lambda: 60_000)
        base = {
            "RequestType": kind,
            "ResponseURL": url,
            "StackId": "stack",
            "RequestId": "r-1",
            "LogicalResourceId": "Build",
        }
        build_image.handler({**base, "ResourceProperties": PROPERTIES, **event}, context)
        return taken[-1]

    return send


def test_cloudformation_gets_the_images_uri(account: Account, call) -> None:
    account.tags.add("abc")
    assert call("Create") == {
        "Status": "SUCCESS",
        "Reason": "",
        "PhysicalResourceId": f"{REPOSITORY_URI}:abc",
        "StackId": "stack",
        "RequestId": "r-1",
        "LogicalResourceId": "Build",
        "Data": {"ImageUri": f"{REPOSITORY_URI}:abc"},
    }


def test_a_delete_touches_nothing(aws: LoopbackAws, call) -> None:
    answer = call("Delete", PhysicalResourceId="old", ResourceProperties={})
    assert (answer["Status"], answer["PhysicalResourceId"]) == ("SUCCESS", "old")
    assert not aws.calls


def test_whatever_goes_wrong_is_answered_and_keeps_the_resource(account: Account, call) -> None:
    def refuse(parameters: dict[str, Any]) -> dict[str, Any]:
        raise ServiceError("RepositoryNotFoundException", "The repository does not exist")

    account.aws.operations[f"{ECR}DescribeImages"] = refuse
    answer = call("Update", PhysicalResourceId="old")
    assert (answer["Status"], answer["PhysicalResourceId"]) == ("FAILED", "old")
    assert "The repository does not exist" in answer["Reason"]
    assert call("Create", ResourceProperties={"ImageTag": 3})["Status"] == "FAILED"
    assert call("Create", ResourceProperties=None)["Status"] == "FAILED"


def test_a_long_reason_is_shortened_in_the_middle() -> None:
    event = {"StackId": "s", "RequestId": "r", "LogicalResourceId": "l"}
    encoded = response.encode(event, Response(False, "id", reason="first " + "\u00fc\n" * 9000 + " last"))
    document = json.loads(encoded)
    assert len(encoded) <= 4096
    assert document["Reason"].startswith("first") and document["Reason"].endswith("last")


def test_only_web_addresses_are_answered() -> None:
    with pytest.raises(ValueError, match="not a web address"):
        response.send("file:///etc/passwd", b"")
