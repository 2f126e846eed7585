"""Application Auto Scaling of the endpoint's variants, as a rollout finds it.

The endpoint is made by this machine and not by CloudFormation, and so are its scalable targets: those of the manifest's
`serving.autoscaling`, and those that people registered.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from shared.descriptor import Descriptor

Request = dict[str, Any]

OURS = "slipway-invocations-per-instance"
"""The policy of the manifest's `serving.autoscaling`; a policy of another name is somebody else's."""
_NAMESPACE = "sagemaker"
_DIMENSION = "sagemaker:variant:DesiredInstanceCount"
_BOUNDS = ("MinCapacity", "MaxCapacity", "SuspendedState")
_POLICY = (
    "PolicyName",
    "PolicyType",
    "StepScalingPolicyConfiguration",
    "TargetTrackingScalingPolicyConfiguration",
    "PredictiveScalingPolicyConfiguration",
)
_SCHEDULE = ("ScheduledActionName", "Schedule", "Timezone", "StartTime", "EndTime", "ScalableTargetAction")


@dataclass(frozen=True, kw_only=True)
class Scaling:
    """What scales a variant: members of RegisterScalableTarget, and of PutScalingPolicy and PutScheduledAction each,
    without those that name the target.
    """

    bounds: Request
    policies: tuple[Request, ...] = ()
    schedules: tuple[Request, ...] = ()

    @property
    def has_ours(self) -> bool:
        return any(policy["PolicyName"] == OURS for policy in self.policies)


def find(autoscaling: Any, endpoint: str, variants: Iterable[str], *, now: datetime) -> dict[str, Scaling]:
    """Variant -> what scales it; a variant that is no scalable target is not in it."""
    ids = {resource_id(endpoint, variant): variant for variant in variants}
    targets = autoscaling.describe_scalable_targets(
        ServiceNamespace=_NAMESPACE, ResourceIds=list(ids), ScalableDimension=_DIMENSION
    )["ScalableTargets"]
    registered = {target["ResourceId"]: target for target in targets}
    return {
        variant: Scaling(
            bounds=_members(registered[identifier], _BOUNDS),
            policies=_all(autoscaling, "describe_scaling_policies", "ScalingPolicies", identifier, _POLICY),
            schedules=_schedules(autoscaling, identifier, now),
        )
        for identifier, variant in ids.items()
        if identifier in registered
    }


def resource_id(endpoint: str, variant: str) -> str:
    return f"endpoint/{endpoint}/variant/{variant}"


def wanted(descriptor: Descriptor, found: Scaling | None) -> Scaling | None:
    """What is to scale a variant: what the manifest says, beside what people added to it.

    `found` is what scales the variant now, or the one before it. None where nothing does.
    """
    manifest = descriptor["serving"]["autoscaling"]
    others = tuple(policy for policy in found.policies if policy["PolicyName"] != OURS) if found else ()
    schedules = found.schedules if found else ()
    if manifest is not None:
        bounds = {"MinCapacity": manifest["minimum"], "MaxCapacity": manifest["maximum"]}
        return Scaling(bounds=bounds, policies=(_own_policy(descriptor), *others), schedules=schedules)
    if found is None or (found.has_ours and not others and not schedules):
        return None
    return Scaling(bounds=found.bounds, policies=others, schedules=schedules)


def bounded(descriptor: Descriptor, instances: int) -> int:
    """The nearest count that the manifest's `serving.autoscaling` allows."""
    manifest = descriptor["serving"]["autoscaling"]
    return instances if manifest is None else max(manifest["minimum"], min(manifest["maximum"], instances))


def release(endpoint: str, variant: str) -> Request:
    """The DeregisterScalableTarget request; policies, their alarms and scheduled actions go with the target."""
    return _identity(endpoint, variant)


def calls(endpoint: str, variant: str, scaling: Scaling, *, of: str | None = None) -> list[Request]:
    """`{"call": "target" | "policy" | "schedule", "request"}`, in the order that they have to be made in.

    `of`: the variant that it scaled before, which policies on metrics of people's choice name.
    """
    made = [("target", scaling.bounds)]
    made += [("policy", policy) for policy in scaling.policies]
    made += [("schedule", schedule) for schedule in scaling.schedules]
    identity = _identity(endpoint, variant)
    return [{"call": call, "request": {**identity, **_renamed(members, of, variant)}} for call, members in made]


def own_calls(endpoint: str, variant: str, scaling: Scaling) -> list[Request]:
    """Of `calls`, those of the manifest: for a target that stays, with all that people added to it."""
    own = (policy for policy in scaling.policies if policy["PolicyName"] == OURS)
    return calls(endpoint, variant, Scaling(bounds=scaling.bounds, policies=tuple(own))) if scaling.has_ours else []


def _own_policy(descriptor: Descriptor) -> Request:
    manifest = descriptor["serving"]["autoscaling"]
    return {
        "PolicyName": OURS,
        "PolicyType": "TargetTrackingScaling",
        "TargetTrackingScalingPolicyConfiguration": {
            "TargetValue": float(manifest["invocations_per_instance"]),
            "PredefinedMetricSpecification": {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"},
            "ScaleOutCooldown": manifest["scale_out_cooldown_seconds"],
            "ScaleInCooldown": manifest["scale_in_cooldown_seconds"],
        },
    }


def _identity(endpoint: str, variant: str) -> Request:
    return {
        "ServiceNamespace": _NAMESPACE,
        "ResourceId": resource_id(endpoint, variant),
        "ScalableDimension": _DIMENSION,
    }


def _schedules(autoscaling: Any, identifier: str, now: datetime) -> tuple[Request, ...]:
    """Those that are not over; one that has begun needs no beginning, which would have to be in the future."""
    found = _all(autoscaling, "describe_scheduled_actions", "ScheduledActions", identifier, _SCHEDULE)
    moment = _text(now)
    return tuple(
        {name: value for name, value in action.items() if name != "StartTime" or value > moment}
        for action in found
        if action.get("EndTime", moment) >= moment
    )


def _all(autoscaling: Any, operation: str, member: str, identifier: str, members: Iterable[str]) -> tuple[Request, ...]:
    pages = autoscaling.get_paginator(operation).paginate(
        ServiceNamespace=_NAMESPACE, ResourceId=identifier, ScalableDimension=_DIMENSION
    )
    return tuple(_members(found, members) for page in pages for found in page[member])


def _members(document: Mapping[str, Any], members: Iterable[str]) -> Request:
    """Times as text, since they go through the state machine."""
    given = {name: document[name] for name in members if name in document}
    return {name: _text(value) if isinstance(value, datetime) else value for name, value in given.items()}


def _text(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _renamed(value: Any, before: str | None, after: str) -> Any:
    """With the dimension VariantName, wherever a metric has it, naming the new variant."""
    if before is None or before == after:
        return value
    if value == {"Name": "VariantName", "Value": before}:
        return {**value, "Value": after}
    if isinstance(value, dict):
        return {name: _renamed(member, before, after) for name, member in value.items()}
    return [_renamed(member, before, after) for member in value] if isinstance(value, list) else value
