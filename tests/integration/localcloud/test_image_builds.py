"""CodeBuild, ECR and the custom resource's function, together in an embedded cloud, each under its own role."""

from __future__ import annotations

import io
import json
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from build_image import handler as build_image

from localcloud.images import ImageRegistry
from tests.support.embedded_cloud import ROOT, EmbeddedCloud, allow, policy

REPOSITORY = "slipway-test-digits"
PROJECT = "slipway-test-images"
DOCKERFILE = """
FROM public.ecr.aws/docker/library/python:3.12-slim
ARG WORKLOAD
COPY ${WORKLOAD} /opt/slipway/inference
ENTRYPOINT ["python", "-m", "server"]
"""
PUSH = ["ecr:BatchCheckLayerAvailability", "ecr:InitiateLayerUpload", "ecr:UploadLayerPart"]
PUSH += ["ecr:CompleteLayerUpload", "ecr:PutImage", "ecr:BatchGetImage"]


@dataclass
class CloudFormation:
    """Takes the answers of custom resources."""

    url: str
    answers: list[dict[str, Any]] = field(default_factory=list)


@pytest.fixture
def cloudformation() -> Iterator[CloudFormation]:
    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            taken.answers.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Silence."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    taken = CloudFormation(f"http://127.0.0.1:{server.server_port}/answer")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield taken
    server.shutdown()
    server.server_close()
    thread.join(timeout=5)


@dataclass(frozen=True)
class Stack:
    """What the stack would have made."""

    cloud: EmbeddedCloud
    role: str

    def grant(self, *without: str) -> None:
        """The build role's permissions as the stack gives them, less some actions."""
        arn = f"arn:aws:ecr:{self.cloud.region}:{self.cloud.account}:repository/{REPOSITORY}"
        statements = [
            ("s3:GetObject", "arn:aws:s3:::sources/*"),
            ("ecr:GetAuthorizationToken", "*"),
            *((action, arn) for action in PUSH),
            ("logs:CreateLogStream", "*"),
            ("logs:PutLogEvents", "*"),
        ]
        document = policy(*(allow(action, resource) for action, resource in statements if action not in without))
        self.cloud.client("iam").put_role_policy(RoleName="build", PolicyName="test", PolicyDocument=document)

    def upload(self, key: str, **files: str) -> None:
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w") as archive:
            archive.writestr("server/Dockerfile", files.pop("dockerfile", DOCKERFILE))
            archive.writestr("digits/inference.py", "NAME = 'digits'\n")
        self.cloud.client("s3").put_object(Bucket="sources", Key=key, Body=content.getvalue())

    def image_uri(self, tag: str) -> str:
        return f"{self.cloud.account}.dkr.ecr.{self.cloud.region}.amazonaws.com/{REPOSITORY}:{tag}"

    def tags(self) -> list[str]:
        found = self.cloud.client("ecr").describe_images(repositoryName=REPOSITORY)["imageDetails"]
        return sorted(tag for image in found for tag in image["imageTags"])

    def builds(self) -> int:
        return len(self.cloud.client("codebuild").list_builds_for_project(projectName=PROJECT)["ids"])


@pytest.fixture(scope="module")
def stack(cloud: EmbeddedCloud) -> Stack:
    stack = Stack(cloud, cloud.role("build", "codebuild.amazonaws.com"))
    cloud.client("s3").create_bucket(Bucket="sources")
    stack.upload("source.zip")
    cloud.client("ecr").create_repository(repositoryName=REPOSITORY, imageTagMutability="IMMUTABLE")
    cloud.client("logs").create_log_group(logGroupName=f"/aws/codebuild/{PROJECT}")
    cloud.client("codebuild").create_project(
        name=PROJECT,
        source={"type": "NO_SOURCE", "buildspec": (ROOT / "infra/images/buildspec.yaml").read_text("utf-8")},
        artifacts={"type": "NO_ARTIFACTS"},
        environment={
            "type": "LINUX_CONTAINER",
            "image": "aws/codebuild/standard:7.0",
            "computeType": "BUILD_GENERAL1_SMALL",
        },
        serviceRole=stack.role,
        timeoutInMinutes=5,
    )
    stack.grant()
    return stack


@pytest.fixture
def deploy(
    stack: Stack, cloudformation: CloudFormation, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., dict[str, Any]]]:
    """Calls the function with an event; returns the answer that CloudFormation got."""
    starter = boto3.Session(
        aws_access_key_id=stack.cloud.access_key_id,
        aws_secret_access_key=stack.cloud.secret_access_key,
        region_name=stack.cloud.region,
    )
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", starter)
    monkeypatch.setenv("AWS_ENDPOINT_URL", stack.cloud.endpoint_url)

    def call(tag: str, *, kind: str = "Create", seconds: float = 120, key: str = "source.zip") -> dict[str, Any]:
        event = {
            "RequestType": kind,
            "ResponseURL": cloudformation.url,
            "StackId": "arn:aws:cloudformation:us-east-1:000000000000:stack/slipway/1",
            "RequestId": f"request-{tag}-{time.time_ns()}",
            "LogicalResourceId": "Build",
            "ResourceProperties": {
                "ServiceToken": "arn:aws:lambda:us-east-1:000000000000:function:x",
                "ProjectName": PROJECT,
                "ServiceRole": stack.role,
                "Dockerfile": "server/Dockerfile",
                "SourceBucket": "sources",
                "SourceKey": key,
                "ImageRepositoryUri": stack.image_uri(tag).rpartition(":")[0],
                "ImageTag": tag,
                "BuildArgs": {"WORKLOAD": "digits"},
            },
        }
        end = time.monotonic() + seconds
        context = SimpleNamespace(get_remaining_time_in_millis=lambda: int((end - time.monotonic()) * 1000))
        build_image.handler(event, context)
        return cloudformation.answers[-1]

    yield call
    stack.grant()


def test_the_image_is_in_the_repository_when_the_deployment_goes_on(stack: Stack, deploy) -> None:
    answer = deploy("first")
    assert answer["Status"] == "SUCCESS", answer["Reason"]
    assert answer["Data"] == {"ImageUri": stack.image_uri("first")}
    assert answer["PhysicalResourceId"] == stack.image_uri("first")
    assert "first" in stack.tags()
    image = ImageRegistry(stack.cloud).resolve(stack.image_uri("first"))
    [(source, place)] = image.files
    assert place == "/opt/slipway" and (source / "inference/inference.py").read_text() == "NAME = 'digits'\n"
    assert image.entrypoint == ("python", "-m", "server")


def test_an_image_that_exists_is_not_built_again_and_a_delete_leaves_it(stack: Stack, deploy) -> None:
    deploy("kept")
    before = stack.builds()
    assert deploy("kept", kind="Update")["Status"] == "SUCCESS"
    assert deploy("kept", kind="Delete")["Status"] == "SUCCESS"
    assert stack.builds() == before and "kept" in stack.tags()


@pytest.mark.parametrize(
    "action", ["ecr:GetAuthorizationToken", "ecr:InitiateLayerUpload", "ecr:PutImage", "s3:GetObject"]
)
def test_a_permission_that_the_build_lacks_fails_the_deployment_by_name(stack: Stack, deploy, action: str) -> None:
    stack.grant(action)
    tag = action.replace(":", "-")
    answer = deploy(tag)
    assert answer["Status"] == "FAILED"
    assert f"not authorized to perform: {action}" in answer["Reason"]
    assert tag not in stack.tags()


def test_a_dockerfile_that_cannot_be_built_fails_the_deployment_with_its_line(stack: Stack, deploy) -> None:
    stack.upload("broken.zip", dockerfile="FROM python:3.12-slim\nRUN make world\n")
    answer = deploy("broken", key="broken.zip")
    assert answer["Status"] == "FAILED"
    assert "server/Dockerfile:2: RUN: cannot run 'make world'" in answer["Reason"]
    assert "phase BUILD FAILED: COMMAND_EXECUTION_ERROR" in answer["Reason"]


def test_the_build_reports_its_phases_and_its_log(stack: Stack, deploy) -> None:
    deploy("phases")
    codebuild = stack.cloud.client("codebuild")
    newest = codebuild.list_builds_for_project(projectName=PROJECT)["ids"]
    builds = codebuild.batch_get_builds(ids=newest)["builds"]
    [build] = [build for build in builds if "phases" in json.dumps(build["environment"])]
    assert [phase["phaseType"] for phase in build["phases"]] == [
        "SUBMITTED",
        "QUEUED",
        "PROVISIONING",
        "DOWNLOAD_SOURCE",
        "INSTALL",
        "PRE_BUILD",
        "BUILD",
        "POST_BUILD",
        "FINALIZING",
        "COMPLETED",
    ]
    events = stack.cloud.client("logs").get_log_events(
        logGroupName=build["logs"]["groupName"], logStreamName=build["logs"]["streamName"], startFromHead=True
    )["events"]
    assert any("Successfully tagged" in event["message"] for event in events)


def test_the_answer_comes_before_the_function_is_out_of_time(deploy) -> None:
    answer = deploy("late", seconds=30)  # less than it keeps back for answering
    assert answer["Status"] == "FAILED" and "time was up" in answer["Reason"]


def test_a_build_can_be_stopped_and_leaves_nothing(stack: Stack) -> None:
    codebuild = stack.cloud.client("codebuild")
    specification = "version: 0.2\nphases:\n  build:\n    commands:\n      - sleep 600\n"
    build = codebuild.start_build(projectName=PROJECT, buildspecOverride=specification)["build"]
    _wait_for(lambda: _build(codebuild, build["id"])["currentPhase"] == "BUILD")
    codebuild.stop_build(id=build["id"])
    _wait_for(lambda: _build(codebuild, build["id"])["buildStatus"] == "STOPPED")
    folder = Path(stack.cloud.state_dir) / "codebuild" / build["id"].partition(":")[2]
    _wait_for(lambda: not folder.exists())


def test_cloudformation_deploys_it_with_the_function_under_its_own_role(stack: Stack) -> None:
    stack.grant()
    cloud, arn = stack.cloud, f"arn:aws:%s:{stack.cloud.region}:{stack.cloud.account}:%s"
    role = cloud.role(
        "starter",
        "lambda.amazonaws.com",
        allow("ecr:DescribeImages", arn % ("ecr", f"repository/{REPOSITORY}")),
        allow(["codebuild:StartBuild", "codebuild:BatchGetBuilds"], arn % ("codebuild", f"project/{PROJECT}")),
        allow("logs:GetLogEvents", arn % ("logs", f"log-group:/aws/codebuild/{PROJECT}:*")),
    )
    function = cloud.client("lambda").create_function(
        FunctionName="build-image",
        Runtime="python3.13",
        Role=role,
        Handler="build_image.handler.handler",
        Timeout=300,
        Code={"ZipFile": _bundle()},
    )["FunctionArn"]
    properties = {
        "ServiceToken": function,
        "ProjectName": PROJECT,
        "ServiceRole": stack.role,
        "Dockerfile": "server/Dockerfile",
        "SourceBucket": "sources",
        "SourceKey": "source.zip",
        "ImageRepositoryUri": stack.image_uri("x").rpartition(":")[0],
        "ImageTag": "deployed",
        "BuildArgs": {"WORKLOAD": "digits"},
    }
    template = {
        "Resources": {"Build": {"Type": "Custom::ContainerImage", "Properties": properties}},
        "Outputs": {"Uri": {"Value": {"Fn::GetAtt": ["Build", "ImageUri"]}}},
    }
    cloudformation = cloud.client("cloudformation")
    cloudformation.create_stack(StackName="images", TemplateBody=json.dumps(template))

    def status() -> str:
        return cloudformation.describe_stacks(StackName="images")["Stacks"][0]["StackStatus"]

    _wait_for(lambda: not status().endswith("IN_PROGRESS"), seconds=120)
    [found] = cloudformation.describe_stacks(StackName="images")["Stacks"]
    events = cloudformation.describe_stack_events(StackName="images")["StackEvents"]
    assert found["StackStatus"] == "CREATE_COMPLETE", [event.get("ResourceStatusReason") for event in events]
    assert found["Outputs"][0]["OutputValue"] == stack.image_uri("deployed")
    assert "deployed" in stack.tags()
    cloudformation.delete_stack(StackName="images")


def _bundle() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for path in sorted((ROOT / "lambdas/build_image").glob("*.py")):
            archive.write(path, f"build_image/{path.name}")
    return content.getvalue()


def _build(codebuild: Any, identifier: str) -> dict[str, Any]:
    return codebuild.batch_get_builds(ids=[identifier])["builds"][0]


def _wait_for(holds: Callable[[], bool], *, seconds: int = 20) -> None:
    for _ in range(seconds * 10):
        if holds():
            return
        time.sleep(0.1)
    raise AssertionError(f"what was waited for did not come in {seconds} s")
