"""Corrects what ministack takes a request's resource and condition keys to be, where AWS differs.

Sources: the Service Authorization Reference of each service, and the resources that AWS's own denials name.
"""

from __future__ import annotations

import importlib
import json
from typing import Any
from urllib.parse import parse_qs

from localcloud.config import Config

_DESCRIBE_ALARMS = "cloudwatch:DescribeAlarms"
_TAGGING = ("TagResource", "UntagResource", "ListTagsForResource")


def register(config: Config) -> None:
    """Replace the extraction of resources and of condition keys."""
    actions = importlib.import_module("ministack.core.iam_actions")
    _correct_resources(config, actions)
    _add_condition_keys(actions)


def _correct_resources(config: Config, actions: Any) -> None:
    original = actions.extract_resource_arn

    def resource(service: str, method: str, path: str, headers: dict, body: bytes, *rest: Any) -> str:
        corrected = None
        operation = headers.get("x-amz-target", "").rpartition(".")[2]
        if service == "logs" and operation not in _TAGGING:
            corrected = _log_stream(_document(body))
        elif service == "codebuild":
            corrected = _build_project(_document(body))
        elif actions.extract_iam_action(service, method, path, headers, body, *rest[:1]) == _DESCRIBE_ALARMS:
            corrected = _alarm(body)
        elif service == "ssm" and operation == "GetParametersByPath":
            corrected = _parameters_below(_document(body))
        if corrected is None:
            return original(service, method, path, headers, body, *rest)
        namespace = "cloudwatch" if service == "monitoring" else service
        return f"arn:aws:{namespace}:{config.region}:{config.account}:{corrected}"

    actions.extract_resource_arn = resource


def _log_stream(request: dict[str, Any]) -> str | None:
    """Also what concerns a whole group is checked on a stream, one without a name; so ``<group arn>:*`` covers it."""
    group = request.get("logGroupName")
    return f"log-group:{group}:log-stream:{request.get('logStreamName') or ''}" if isinstance(group, str) else None


def _build_project(request: dict[str, Any]) -> str | None:
    """A build is checked on its project, whose name begins the build's id."""
    identifiers = request.get("ids") or [request.get("id")]
    first = identifiers[0] if isinstance(identifiers, list) else None
    if not isinstance(first, str) or ":" not in first:
        return None
    return f"project/{first.rpartition('build/')[2].partition(':')[0]}"


def _alarm(body: bytes) -> str | None:
    """The alarm that is asked for by name; of several the first, since a request is checked on one resource here."""
    query = parse_qs(body.decode("latin-1"))
    names = _document(body).get("AlarmNames") or query.get("AlarmNames.member.1")
    return f"alarm:{names[0]}" if isinstance(names, list) and names else None


def _parameters_below(request: dict[str, Any]) -> str | None:
    path = request.get("Path")
    return f"parameter/{path.strip('/')}" if isinstance(path, str) and path.strip("/") else None


def _add_condition_keys(actions: Any) -> None:
    """``cloudwatch:namespace``, by which alone PutMetricData can be bound to anything, and what a scalable target is
    of: its ARN does not say.
    """
    original = actions.request_tag_context

    def context(service: str, action: str, body: bytes, parameters: dict) -> dict[str, Any]:
        found = original(service, action, body, parameters)
        if action == "cloudwatch:PutMetricData":
            namespace = _document(body).get("Namespace") or parse_qs(body.decode("latin-1")).get("Namespace", [None])[0]
            found = {**found, "cloudwatch:namespace": namespace}
        elif service == "application-autoscaling":
            keys = {"service-namespace": "ServiceNamespace", "scalable-dimension": "ScalableDimension"}
            request = _document(body)
            found = {**found, **{f"{service}:{key}": request.get(member) for key, member in keys.items()}}
        return found

    actions.request_tag_context = context


def _document(body: bytes) -> dict[str, Any]:
    """The request's members; none when it is not a JSON object."""
    try:
        document = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}
