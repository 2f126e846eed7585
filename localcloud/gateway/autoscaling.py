"""Puts Application Auto Scaling among ministack's services, and makes its service-linked role."""

from __future__ import annotations

import asyncio
import importlib
import json
import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from localcloud.config import Config
from localcloud.gateway.identity import AccessDenied, Caller, Identity
from localcloud.sagemaker.errors import AccessDeniedException

Response = tuple[int, dict[str, str], Any]
ControlPlane = Callable[[str, bytes, Caller], Response]

SERVICE = "application-autoscaling"
PRINCIPAL = "sagemaker.application-autoscaling.amazonaws.com"
_ROLE = "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"
_TARGET_PREFIX = "AnyScaleFrontendService."
# The managed policy AWSApplicationAutoscalingSageMakerEndpointPolicy.
_ACTIONS = [
    "sagemaker:DescribeEndpoint",
    "sagemaker:DescribeEndpointConfig",
    "sagemaker:UpdateEndpointWeightsAndCapacities",
    "cloudwatch:PutMetricAlarm",
    "cloudwatch:DescribeAlarms",
    "cloudwatch:DeleteAlarms",
]


def register(identity: Identity, control_plane: ControlPlane, resource: Callable[[str, bytes], str]) -> None:
    """Serve the API; ``control_plane`` is called in a thread. ministack's router authorises the action on ``resource``,
    the ARN that belongs to an operation's request."""
    app = importlib.import_module("ministack.app")
    router = importlib.import_module("ministack.core.router")
    actions = importlib.import_module("ministack.core.iam_actions")
    router.SERVICE_PATTERNS[SERVICE] = {
        "target_prefixes": [_TARGET_PREFIX],
        "host_patterns": [r"application-autoscaling\."],
    }
    actions.SERVICE_TO_IAM_NAMESPACE[SERVICE] = SERVICE
    actions._BOTOCORE_SERVICE_MAP[SERVICE] = [SERVICE]

    async def handle(_method: str, _path: str, headers: dict, body: bytes, query: dict) -> Response:
        operation = headers.get("x-amz-target", "").removeprefix(_TARGET_PREFIX)
        caller = identity.caller(headers, query)
        status, answer_headers, answer = await asyncio.to_thread(control_plane, operation, body, caller)
        return status, {k: v for k, v in answer_headers.items() if k.lower() != "x-amzn-requestid"}, answer

    app.SERVICE_HANDLERS[SERVICE] = handle
    original = actions.extract_resource_arn

    def arn(service: str, method: str, path: str, headers: dict, body: bytes, *rest: Any) -> str:
        if service != SERVICE:
            return original(service, method, path, headers, body, *rest)
        return resource(headers.get("x-amz-target", "").removeprefix(_TARGET_PREFIX), body)

    actions.extract_resource_arn = arn


def role_arn(config: Config) -> str:
    """The service-linked role's ARN, whether it exists or not."""
    return f"arn:aws:iam::{config.account}:role/aws-service-role/{PRINCIPAL}/{_ROLE}"


def ensure_role(config: Config, identity: Identity, caller: Caller | None = None) -> str:
    """The role's ARN; creates it when it is not there yet, for a caller who may. Raises AccessDeniedException."""
    iam = importlib.import_module("ministack.services.iam")
    arn = role_arn(config)
    if iam._roles.get_scoped(config.account, None, _ROLE) is None:
        if caller is not None:
            _authorize_creation(identity, caller, arn)
        iam._roles.set_scoped(config.account, None, _ROLE, _role(arn))
    return arn


def _authorize_creation(identity: Identity, caller: Caller, arn: str) -> None:
    try:
        identity.authorize(caller, "iam:CreateServiceLinkedRole", arn, {"iam:AWSServiceName": PRINCIPAL})
    except AccessDenied as denied:
        raise AccessDeniedException(denied.message) from denied


def _role(arn: str) -> dict[str, Any]:
    trust = {"Effect": "Allow", "Principal": {"Service": PRINCIPAL}, "Action": "sts:AssumeRole"}
    statement = {"Effect": "Allow", "Action": _ACTIONS, "Resource": "*"}
    return {
        "RoleName": _ROLE,
        "Arn": arn,
        "RoleId": f"AROA{secrets.token_hex(8).upper()}",
        "CreateDate": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "Path": f"/aws-service-role/{PRINCIPAL}/",
        "AssumeRolePolicyDocument": _document(trust),
        "Description": "",
        "MaxSessionDuration": 3600,
        "AttachedPolicies": [],
        "InlinePolicies": {"AWSApplicationAutoscalingSageMakerEndpointPolicy": _document(statement)},
        "Tags": [],
    }


def _document(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
