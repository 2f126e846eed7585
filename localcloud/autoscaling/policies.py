"""Scaling policies: https://docs.aws.amazon.com/autoscaling/application/APIReference/API_PutScalingPolicy.html"""

from __future__ import annotations

import uuid
from itertools import pairwise
from typing import Any

from localcloud.autoscaling import alarms
from localcloud.autoscaling.service import (
    POLICY,
    Document,
    Operation,
    Service,
    check_target,
    find,
    key,
    matches,
    missing,
    page,
    require_target,
)
from localcloud.sagemaker.errors import ValidationException
from localcloud.sagemaker.store import AlreadyExists, NotFound

INVOCATIONS = "SageMakerVariantInvocationsPerInstance"
# https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling-policy.html
DEFAULT_COOLDOWN_SECONDS = 300
_TRACKING, _STEP = "TargetTrackingScalingPolicyConfiguration", "StepScalingPolicyConfiguration"
_CONFIGURATIONS = {"TargetTrackingScaling": _TRACKING, "StepScaling": _STEP}


def _put(service: Service, _caller: Any, request: Document) -> Document:
    require_target(service, request)
    name = key(request, request["PolicyName"])
    found = find(service, POLICY, name)
    policy_type = request.get("PolicyType", found["PolicyType"] if found else "StepScaling")
    if found and found["PolicyType"] != policy_type:
        raise ValidationException(
            f"The policy {request['PolicyName']} is of type {found['PolicyType']}; its type cannot be changed"
        )
    document = {**(found or _new(service, request)), "PolicyType": policy_type, **_configuration(policy_type, request)}
    document["Alarms"] = _make_alarms(service, document, found)
    try:
        if found is None:
            service.store.create(POLICY, name, document)
        else:
            service.store.update(POLICY, name, lambda stored: stored.update(document))
    except (AlreadyExists, NotFound):
        raise ValidationException(f"The policy {request['PolicyName']} is being changed by another request") from None
    return {"PolicyARN": document["PolicyARN"], "Alarms": document["Alarms"]}


def _new(service: Service, request: Document) -> Document:
    config = service.config
    return {
        **{name: request[name] for name in ("PolicyName", "ServiceNamespace", "ResourceId", "ScalableDimension")},
        "PolicyARN": (
            f"arn:aws:autoscaling:{config.region}:{config.account}:scalingPolicy:{uuid.uuid4()}:resource/"
            f"{request['ServiceNamespace']}/{request['ResourceId']}:policyName/{request['PolicyName']}"
        ),
        "CreationTime": service.now(),
        "_AlarmIds": [str(uuid.uuid4()), str(uuid.uuid4())],
    }


def _configuration(policy_type: str, request: Document) -> Document:
    if policy_type not in _CONFIGURATIONS:
        raise ValidationException(f"The embedded cloud does not cover the policy type {policy_type}")
    member = _CONFIGURATIONS[policy_type]
    if member not in request:
        raise ValidationException(f"{member} must be specified for a policy of type {policy_type}")
    (_check_tracking if member == _TRACKING else _check_step)(request[member])
    return {member: request[member]}


def _check_tracking(configuration: Document) -> None:
    if configuration["TargetValue"] <= 0:
        raise ValidationException(f"TargetValue must be greater than 0, found {configuration['TargetValue']:g}")
    _check_cooldowns(configuration, ("ScaleOutCooldown", "ScaleInCooldown"))
    given = [
        name for name in ("PredefinedMetricSpecification", "CustomizedMetricSpecification") if configuration.get(name)
    ]
    if len(given) != 1:
        raise ValidationException(
            "Exactly one of PredefinedMetricSpecification and CustomizedMetricSpecification must be specified"
        )
    predefined = configuration.get("PredefinedMetricSpecification")
    if predefined and predefined["PredefinedMetricType"] != INVOCATIONS:
        raise ValidationException(
            f"The predefined metric {predefined['PredefinedMetricType']} is not one of the dimension's: {INVOCATIONS}"
        )
    if predefined and "ResourceLabel" in predefined:
        raise ValidationException(f"ResourceLabel may not be specified with {INVOCATIONS}")
    customized = configuration.get("CustomizedMetricSpecification", {})
    if customized.get("Metrics"):
        raise ValidationException(
            "The embedded cloud does not cover Metrics (metric math); give MetricName, Namespace and Statistic"
        )
    if customized:
        _require(customized, ("MetricName", "Namespace", "Statistic"), "CustomizedMetricSpecification")


def _check_step(configuration: Document) -> None:
    _require(configuration, ("AdjustmentType", "StepAdjustments"), _STEP)
    _check_cooldowns(configuration, ("Cooldown",))
    if not configuration["StepAdjustments"]:
        raise ValidationException("StepAdjustments must hold at least one step")
    bounds = sorted(
        (step.get("MetricIntervalLowerBound", float("-inf")), step.get("MetricIntervalUpperBound", float("inf")))
        for step in configuration["StepAdjustments"]
    )
    for lower, upper in bounds:
        if lower >= upper:
            raise ValidationException(f"A step's lower bound {lower:g} must be less than its upper bound {upper:g}")
    for (_, upper), (lower, _) in pairwise(bounds):
        if lower != upper:
            raise ValidationException(
                f"Steps may not overlap or leave a gap: one ends at {upper:g}, the next begins at {lower:g}"
            )


def _check_cooldowns(configuration: Document, members: tuple[str, ...]) -> None:
    for member in members:
        if configuration.get(member, 0) < 0:
            raise ValidationException(f"{member} must not be negative, found {configuration[member]}")


def _require(document: Document, members: tuple[str, ...], where: str) -> None:
    for member in members:
        if member not in document:
            raise ValidationException(f"{member} must be specified in {where}")


def metric(policy: Document) -> Document:
    """The metric of a target tracking policy, as an alarm names it."""
    configuration = policy[_TRACKING]
    customized = configuration.get("CustomizedMetricSpecification")
    if customized:
        members = ("MetricName", "Namespace", "Statistic", "Unit")
        return {
            **{member: customized[member] for member in members if member in customized},
            "Dimensions": customized.get("Dimensions", []),
        }
    _, endpoint, _, variant = policy["ResourceId"].split("/")
    dimensions = [{"Name": "EndpointName", "Value": endpoint}, {"Name": "VariantName", "Value": variant}]
    return {
        "MetricName": "InvocationsPerInstance",
        "Namespace": "AWS/SageMaker",
        "Statistic": "Sum",
        "Dimensions": dimensions,
    }


def alarm_definitions(policy: Document) -> list[alarms.Alarm]:
    """The alarms that a target tracking policy scales by."""
    return alarms.target_tracking_alarms(policy, metric(policy), tuple(policy["_AlarmIds"]))


def _make_alarms(service: Service, policy: Document, before: Document | None) -> list[Document]:
    wanted = alarm_definitions(policy) if policy["PolicyType"] == "TargetTrackingScaling" else []
    service.alarms.put(wanted)
    names = [alarm["AlarmName"] for alarm in wanted]
    old = {alarm["AlarmName"] for alarm in (before or {}).get("Alarms", [])}
    service.alarms.delete(sorted(old - set(names)))
    return [{"AlarmName": name, "AlarmARN": service.alarms.arn(name)} for name in names]


def remove(service: Service, policy: Document) -> None:
    """Delete a policy and its alarms."""
    service.alarms.delete(alarm["AlarmName"] for alarm in policy.get("Alarms", []))
    service.store.delete(POLICY, key(policy, policy["PolicyName"]))


def _delete(service: Service, _caller: Any, request: Document) -> Document:
    check_target(request)
    found = find(service, POLICY, key(request, request["PolicyName"]))
    if found is None:
        raise missing("scaling policy", request, policy_name=request["PolicyName"])
    remove(service, found)
    return {}


def _describe(service: Service, _caller: Any, request: Document) -> Document:
    names = request.get("PolicyNames")
    found = [policy for policy in service.store.list(POLICY) if matches(policy, request)]
    found = [policy for policy in found if names is None or policy["PolicyName"] in names]
    return page(found, request, member="ScalingPolicies", scope="DescribeScalingPolicies")


OPERATIONS: dict[str, Operation] = {
    "PutScalingPolicy": _put,
    "DeleteScalingPolicy": _delete,
    "DescribeScalingPolicies": _describe,
}
