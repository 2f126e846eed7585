"""CloudFormation custom resource: an image that must be in its repository before the stack goes on.

Whatever happens, CloudFormation gets an answer: without one a deployment waits for an hour.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

import boto3

from build_image import logic, request, response
from build_image.response import Response

# What sending the answer may take, tries included.
_ANSWER_SECONDS = 35.0


def handler(event: dict[str, Any], context: Any) -> None:
    """`event` is a custom resource request (`RequestType` Create, Update or Delete)."""
    _log("request", event, type=event["RequestType"])
    answer = _respond(event, context)
    _log("answer", event, succeeded=answer.succeeded, resource=answer.physical_id, reason=answer.reason)
    response.send(event["ResponseURL"], response.encode(event, answer))


def _respond(event: Mapping[str, Any], context: Any) -> Response:
    known_id = event.get("PhysicalResourceId", event["LogicalResourceId"])
    if event["RequestType"] == "Delete":
        return Response(True, known_id)  # images go with their repository
    try:
        wanted = request.parse(event["ResourceProperties"])
        uri = logic.ensure_image(wanted, event["RequestId"], _services(context))
    except Exception as error:  # this is where a failure becomes an answer; nothing may leave CloudFormation waiting
        return Response(False, known_id, reason=f"{type(error).__name__}: {error}")
    return Response(True, uri, data={"ImageUri": uri})


def _services(context: Any) -> logic.Services:
    return logic.Services(
        ecr=boto3.client("ecr"),
        codebuild=boto3.client("codebuild"),
        logs=boto3.client("logs"),
        sleep=time.sleep,
        remaining=lambda: context.get_remaining_time_in_millis() / 1000 - _ANSWER_SECONDS,
    )


def _log(message: str, event: Mapping[str, Any], **fields: Any) -> None:
    line = {"level": "INFO", "message": message, "function": "build_image", "request": event["RequestId"], **fields}
    print(json.dumps(line), flush=True)
