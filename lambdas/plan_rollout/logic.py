"""What a rollout will do, as plain data: nothing is created here."""

import re
from datetime import datetime
from typing import Any

from shared import descriptor as descriptors
from shared.descriptor import Descriptor
from shared.errors import InvalidInput, SlipwayError
from shared.fields import take, take_matching
from shared.names import WORKLOAD, model_name

from plan_rollout import going_back, latency, packages, requests, scaled_steps, steps
from plan_rollout import serving as endpoint
from plan_rollout.serving import Serving

_EXECUTION = re.compile(r".{1,80}")


class NothingServes(SlipwayError):
    """A command about traffic, and no endpoint."""


class NothingToPromote(SlipwayError):
    """One variant has all traffic already."""


def plan(
    event: dict[str, Any],
    *,
    ssm: Any,
    sagemaker: Any,
    autoscaling: Any,
    cloudwatch: Any,
    workloads_path: str,
    now: datetime,
) -> dict[str, Any]:
    """The state's output; see docs/contract.md, state machine "rollout"."""
    workload = take_matching(event, "workload", WORKLOAD)
    execution = take_matching(event, "execution", _EXECUTION)
    order = take(event, "event", dict)
    descriptor = descriptors.read(ssm, path=workloads_path, workload=workload)
    serving = endpoint.find(sagemaker, autoscaling, descriptor["endpoint_name"], now=now)
    if serving:
        serverless = descriptor["serving"]["serverless"] is not None
        endpoint.require_convertible(serving, endpoint_name=descriptor["endpoint_name"], serverless=serverless)
    command = order.get("command", "deploy")
    if command not in _COMMANDS:
        raise InvalidInput(f"event.command is {command!r}: allowed: {', '.join(_COMMANDS)}")
    planned = _COMMANDS[command](sagemaker, descriptor, serving, order, execution)
    return {
        "workload": workload,
        "endpoint_name": descriptor["endpoint_name"],
        "exists": serving is not None,
        "previous_endpoint_config_name": serving.config_name if serving else None,
        "versions_kept": descriptor["rollout"]["versions_kept"],
        "package_arn": None,
        "model": None,
        "superseded": None,
        "alarms": [],
        **planned,
        "latency": _latency(descriptor, planned["steps"], serving, cloudwatch, now),
        **scaled_steps.attach(descriptor, planned["steps"], serving),
        **going_back.back(descriptor, planned["steps"], serving),
        "created_configs": [
            step["endpoint_config"]["EndpointConfigName"] for step in planned["steps"] if step["endpoint_config"]
        ],
    }


def _latency(
    descriptor: Descriptor, planned: list[dict[str, Any]], serving: Serving | None, cloudwatch: Any, now: datetime
) -> dict[str, Any]:
    """Only where SageMaker's guardrails watch the alarm."""
    guarded = any("DeploymentConfig" in step["request"] for step in planned)
    if serving is None or not guarded:
        return latency.NONE
    return latency.limit(descriptor, serving, cloudwatch=cloudwatch, now=now)


def _deploy(
    sagemaker: Any, descriptor: Descriptor, serving: Serving | None, order: dict[str, Any], execution: str
) -> dict[str, Any]:
    """An approved package, by the strategy of the manifest."""
    package = packages.approved(sagemaker, descriptor, order)
    superseded = serving and packages.superseded_by(sagemaker, descriptor, package, serving)
    if superseded:
        return {"model_version": str(package["ModelPackageVersion"]), "superseded": superseded, "steps": []}
    alarms = descriptor["rollout"]["alarms"] if serving else []
    return {**_package(descriptor, serving, package, execution, careful=True), "alarms": alarms}


def _rollback(
    sagemaker: Any, descriptor: Descriptor, serving: Serving | None, order: dict[str, Any], execution: str
) -> dict[str, Any]:
    """An earlier version at once, whatever the alarms say: they may be why somebody goes back. Of a split: what served
    before it.
    """
    version = order.get("version")
    if version is None and serving and serving.newcomer:
        before = next(variant for variant in serving.variants if variant != serving.newcomer)
        return _alone(descriptor, serving, before, execution)
    package = packages.to_go_back_to(sagemaker, descriptor, serving, version)
    return _package(descriptor, serving, package, execution, careful=False)


def _promote(
    sagemaker: Any, descriptor: Descriptor, serving: Serving | None, order: dict[str, Any], execution: str
) -> dict[str, Any]:
    """What a split brought takes all traffic."""
    if serving is None:
        raise NothingServes(f"there is no endpoint {descriptor['endpoint_name']}: nothing can be promoted")
    if serving.newcomer is None:
        raise NothingToPromote(
            f"no split is under way: version {serving.champion.version} has all traffic of"
            f" {descriptor['endpoint_name']} already"
        )
    return _alone(descriptor, serving, serving.newcomer, execution)


def _traffic(
    sagemaker: Any, descriptor: Descriptor, serving: Serving | None, order: dict[str, Any], execution: str
) -> dict[str, Any]:
    """The weights that a person gives the variants that serve."""
    if serving is None:
        raise NothingServes(f"there is no endpoint {descriptor['endpoint_name']}: there is no traffic to split")
    weights = take(order, "weights", dict, where="event")
    names = {variant.name for variant in serving.variants}
    if set(weights) != names:
        raise InvalidInput(
            f"event.weights names {', '.join(weights) or 'nobody'}: give each of {', '.join(sorted(names))}"
        )
    for name, weight in weights.items():
        if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 <= weight <= 1e6:
            raise InvalidInput(f"event.weights.{name} is {weight!r}: expected a number from 0 to 1000000")
    if not any(weights.values()):
        raise InvalidInput("event.weights are all 0: somebody has to answer")
    return {
        "model_version": _heaviest(serving, weights),
        "steps": steps.shift(descriptor, serving, {name: float(weight) for name, weight in weights.items()}),
    }


def _heaviest(serving: Serving, weights: dict[str, float]) -> str:
    variant = max(serving.variants, key=lambda variant: weights[variant.name])
    return str(variant.version)


def _package(
    descriptor: Descriptor, serving: Serving | None, package: dict[str, Any], execution: str, *, careful: bool
) -> dict[str, Any]:
    version = package["ModelPackageVersion"]
    name = model_name(descriptor["job_prefix"], version=version, execution=execution)
    if serving is None:
        taken = steps.create(descriptor, name=name, version=version)
    else:
        taken = steps.replace(descriptor, serving, name=name, version=version, careful=careful)
    return {
        "model_version": str(version),
        "package_arn": package["ModelPackageArn"],
        "model": requests.model(descriptor, package, name=name, version=version),
        "steps": taken,
    }


def _alone(descriptor: Descriptor, serving: Serving, winner: Any, execution: str) -> dict[str, Any]:
    version = int(winner.version or 0)
    name = model_name(descriptor["job_prefix"], version=version, execution=execution)
    return {"model_version": str(version), "steps": steps.promote(descriptor, serving, winner, name=name)}


_COMMANDS = {"deploy": _deploy, "rollback": _rollback, "promote": _promote, "traffic": _traffic}
