"""The resources of requests that ministack would authorise on "*", although AWS knows which they are.

A role that names its resources, as every role should, is denied such a request otherwise. The resource types are those
of the service authorization reference (https://docs.aws.amazon.com/service-authorization/latest/reference/).
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from typing import Any

from localcloud.config import Config

UNKNOWN = "*"


def register(config: Config) -> None:
    """Give the evaluator the ARN for the operations in ``_NAMED``."""
    actions = importlib.import_module("ministack.core.iam_actions")
    original = actions.extract_resource_arn

    def arn(service: str, method: str, path: str, headers: dict, body: bytes, *rest: Any) -> str:
        found = original(service, method, path, headers, body, *rest)
        named = _NAMED.get((service, headers.get("x-amz-target", "").rpartition(".")[2]))
        if found != UNKNOWN or named is None:
            return found
        name = _resource(named, body)
        return f"arn:aws:{service}:{config.region}:{config.account}:{name}" if name else found

    actions.extract_resource_arn = arn


def _resource(named: Callable[[dict[str, Any]], str | None], body: bytes) -> str | None:
    try:
        return named(json.loads(body or b"{}"))
    except (ValueError, TypeError, AttributeError):
        return None  # not a request of the operation's shape: its handler says what is wrong with it


def _project_of_builds(request: dict[str, Any]) -> str | None:
    """A build's id is `<project>:<uuid>`; builds of several projects in one request have no one resource."""
    projects = {build.rpartition(":")[0] for build in request.get("ids", [])}
    return f"project/{projects.pop()}" if len(projects) == 1 else None


def _parameters_below(request: dict[str, Any]) -> str | None:
    path = request.get("Path", "").strip("/")
    return f"parameter/{path}" if path else None


_NAMED: dict[tuple[str, str], Callable[[dict[str, Any]], str | None]] = {
    ("codebuild", "BatchGetBuilds"): _project_of_builds,
    ("ssm", "GetParametersByPath"): _parameters_below,
}
