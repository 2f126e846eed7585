"""The limits of a DeploymentConfig (deployment guardrails).

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DeploymentConfig.html and its parts
TrafficRoutingConfig, CapacitySize, RollingUpdatePolicy; exclusions:
https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-exclusions.html
Alarms (1 to 10), bake and termination times (0 to 3600 s) are limits of the shapes.
"""

from __future__ import annotations

from localcloud.sagemaker.errors import ValidationException
from localcloud.sagemaker.limits import require_unique

# The size member that each routing type needs, and its bounds in percent of a variant's instances.
_SIZES = {"CANARY": ("CanarySize", 0, 50), "LINEAR": ("LinearStepSize", 10, 50)}
_ROLLING_PERCENT = (5, 50)


def check_deployment(deployment: dict, old: dict | None, new: dict) -> None:
    """Refuse what SageMaker would refuse to deploy: endpoint config ``new`` over ``old`` (None: a new endpoint)."""
    policies = [member for member in ("BlueGreenUpdatePolicy", "RollingUpdatePolicy") if member in deployment]
    if len(policies) == 2:
        raise ValidationException("Only one of BlueGreenUpdatePolicy and RollingUpdatePolicy may be specified")
    if "BlueGreenUpdatePolicy" in deployment:
        _check_blue_green(deployment["BlueGreenUpdatePolicy"], new["ProductionVariants"])
    if "RollingUpdatePolicy" in deployment:
        _check_rolling(deployment["RollingUpdatePolicy"], new["ProductionVariants"])
    alarms = deployment.get("AutoRollbackConfiguration", {}).get("Alarms", [])
    require_unique((alarm.get("AlarmName", "") for alarm in alarms), "alarm name")
    if old is not None:
        _check_variant_names(old, new)


def _check_blue_green(policy: dict, variants: list[dict]) -> None:
    routing = policy["TrafficRoutingConfiguration"]
    kind = routing["Type"]
    wanted, minimum, maximum = _SIZES.get(kind, (None, 0, 0))
    for member, _, _ in _SIZES.values():
        if member == wanted and member not in routing:
            raise ValidationException(f"{member} must be specified when the traffic routing type is {kind}")
        if member != wanted and member in routing:
            raise ValidationException(f"{member} may not be specified when the traffic routing type is {kind}")
    if wanted:
        _check_size(routing[wanted], wanted, minimum, maximum, variants)
    _check_timeout(policy, routing["WaitIntervalInSeconds"] + policy.get("TerminationWaitInSeconds", 0))


def _check_rolling(policy: dict, variants: list[dict]) -> None:
    if len(variants) != 1 or "ServerlessConfig" in variants[0]:
        found = ", ".join(variant["VariantName"] for variant in variants)
        raise ValidationException(
            f"RollingUpdatePolicy needs exactly one production variant, and none serverless; found {found}"
        )
    for member in ("MaximumBatchSize", "RollbackMaximumBatchSize"):
        if member in policy:
            maximum = 100 if member == "RollbackMaximumBatchSize" else _ROLLING_PERCENT[1]
            _check_size(policy[member], member, _ROLLING_PERCENT[0], maximum, variants)
    _check_timeout(policy, policy["WaitIntervalInSeconds"])


def _check_timeout(policy: dict, waiting: int) -> None:
    limit = policy.get("MaximumExecutionTimeoutInSeconds")
    if limit is not None and limit <= waiting:
        raise ValidationException(
            f"Invalid MaximumExecutionTimeoutInSeconds {limit}: "
            f"it must be larger than the waiting time, {waiting} seconds"
        )


def _check_size(size: dict, member: str, minimum: int, maximum: int, variants: list[dict]) -> None:
    """The size must be within ``minimum`` and ``maximum`` percent of every variant's instances."""
    value = size["Value"]
    for variant in variants:
        if size["Type"] == "CAPACITY_PERCENT":
            fits = minimum <= value <= maximum
        else:
            instances = variant.get("InitialInstanceCount", 1)
            fits = minimum * instances <= value * 100 <= maximum * instances
        if not fits:
            raise ValidationException(
                f"Invalid {member} {value} ({size['Type']}): it must be between {minimum} and {maximum} percent "
                f"of the instances of production variant {variant['VariantName']}"
            )


def _check_variant_names(old: dict, new: dict) -> None:
    before, after = ({variant["VariantName"] for variant in config["ProductionVariants"]} for config in (old, new))
    if before != after:
        raise ValidationException(
            "With a DeploymentConfig the variant names of the old and the new endpoint configuration must match: "
            f"found {sorted(before)} and {sorted(after)}"
        )
