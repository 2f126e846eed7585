"""Making sure that an image exists: look, build, wait."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from build_image.request import ImageRequest

_FIRST_WAIT_SECONDS = 0.1
_LONGEST_WAIT_SECONDS = 10.0
_QUEUE_WAIT_SECONDS = 15.0
_LONGER = 1.1
"""A tenth of what a build takes is waited too long for it, at most."""
_LOG_LINES = 15


class BuildFailed(Exception):
    """The message names the phase, CodeBuild's own words and the build's last log lines."""


@dataclass(frozen=True)
class Services:
    """boto3 clients, and what a test replaces.

    Attributes:
        sleep: takes seconds.
        remaining: seconds that this invocation has left for waiting.
    """

    ecr: Any
    codebuild: Any
    logs: Any
    sleep: Callable[[float], None]
    remaining: Callable[[], float]


def ensure_image(request: ImageRequest, token: str, services: Services) -> str:
    """The image's URI, once it is in its repository; a tag that is already there is not built again.

    `token` makes a repeated delivery of the same event join the build of the first. Raises BuildFailed and botocore's
    ClientError.
    """
    if _exists(request, services.ecr):
        return request.image_uri
    build = _wait(_start_in_turn(request, token, services), services)
    if build["buildStatus"] != "SUCCEEDED":
        raise BuildFailed(_failure(build, services.logs))
    if not _exists(request, services.ecr):
        raise BuildFailed(f"build {build['id']} succeeded, but it has pushed no image {request.image_uri}")
    return request.image_uri


def _exists(request: ImageRequest, ecr: Any) -> bool:
    try:
        found = ecr.describe_images(
            registryId=request.account, repositoryName=request.repository, imageIds=[{"imageTag": request.tag}]
        )
    except ecr.exceptions.ImageNotFoundException:
        return False
    return bool(found["imageDetails"])


def _start_in_turn(request: ImageRequest, token: str, services: Services) -> dict[str, Any]:
    """A young account may build one image at a time and queue no other: then the next workload's waits here."""
    while True:
        try:
            return _start(request, token, services.codebuild)
        except services.codebuild.exceptions.AccountLimitExceededException as error:
            none_at_all = "more than 0 builds" in error.response["Error"].get("Message", "")
            if none_at_all or services.remaining() < _QUEUE_WAIT_SECONDS:
                raise
            services.sleep(_QUEUE_WAIT_SECONDS)


def _start(request: ImageRequest, token: str, codebuild: Any) -> dict[str, Any]:
    arguments = "\n".join(f"{name}={value}" for name, value in sorted(request.build_args.items()))
    variables = {"IMAGE_URI": request.image_uri, "DOCKERFILE": request.dockerfile, "BUILD_ARGS": arguments}
    return codebuild.start_build(
        projectName=request.project,
        idempotencyToken=token,
        serviceRoleOverride=request.role,
        sourceTypeOverride="S3",
        sourceLocationOverride=f"{request.source_bucket}/{request.source_key}",
        environmentVariablesOverride=[
            {"name": name, "value": value, "type": "PLAINTEXT"} for name, value in variables.items()
        ],
    )["build"]


def _wait(build: dict[str, Any], services: Services) -> dict[str, Any]:
    """The build when it has ended. Raises BuildFailed when that takes longer than this invocation may."""
    pause = _FIRST_WAIT_SECONDS
    while build["buildStatus"] == "IN_PROGRESS":
        if services.remaining() < pause:
            raise BuildFailed(
                f"build {build['id']} was still in phase {build.get('currentPhase')} when this function's time was up;"
                " look at its log, and deploy again when it has succeeded"
            )
        services.sleep(pause)
        pause = min(pause * _LONGER, _LONGEST_WAIT_SECONDS)
        build = services.codebuild.batch_get_builds(ids=[build["id"]])["builds"][0]
    return build


def _failure(build: dict[str, Any], logs: Any) -> str:
    problems = [
        f"phase {phase['phaseType']} {phase['phaseStatus']}: {_contexts(phase)}"
        for phase in build.get("phases", [])
        if phase.get("phaseStatus", "SUCCEEDED") != "SUCCEEDED"
    ]
    return "\n".join([f"build {build['id']} ended {build['buildStatus']}", *problems, *_last_lines(build, logs)])


def _contexts(phase: dict[str, Any]) -> str:
    contexts = (
        f"{context.get('statusCode', '')} {context.get('message', '')}" for context in phase.get("contexts", [])
    )
    return "; ".join(context.strip() for context in contexts)


def _last_lines(build: dict[str, Any], logs: Any) -> list[str]:
    place = build.get("logs", {})
    if not place.get("groupName") or not place.get("streamName"):
        return []
    try:
        events = logs.get_log_events(
            logGroupName=place["groupName"], logStreamName=place["streamName"], limit=_LOG_LINES, startFromHead=False
        )["events"]
    except ClientError as error:
        # The build's own failure is what counts; it must not be hidden by a log that cannot be read.
        return [f"(its log {place['groupName']} {place['streamName']} cannot be read: {error})"]
    return ["last lines of its log:", *(event["message"].rstrip() for event in events)]
