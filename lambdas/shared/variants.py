"""The production variants of an endpoint, and which model each of them serves."""

from dataclasses import dataclass
from typing import Any

from shared.names import model_version


@dataclass(frozen=True, kw_only=True)
class Variant:
    """A production variant. `instances` are wanted now, `configured` at first."""

    name: str
    model: str
    weight: float
    instance_type: str | None
    instances: int | None
    configured: int | None

    @property
    def version(self) -> str | None:
        """The model package's version."""
        return model_version(self.model)


def serving(sagemaker: Any, endpoint: dict[str, Any]) -> tuple[Variant, ...]:
    """Of DescribeEndpoint's answer: the one with the most traffic first; of equal ones, the older model."""
    config = sagemaker.describe_endpoint_config(EndpointConfigName=endpoint["EndpointConfigName"])
    configured = {variant["VariantName"]: variant for variant in config["ProductionVariants"]}
    found = [
        _variant(variant, configured[variant["VariantName"]])
        for variant in endpoint.get("ProductionVariants", [])
        if variant["VariantName"] in configured
    ]
    return tuple(sorted(found, key=lambda variant: (-variant.weight, int(variant.version or 0))))


def _variant(now: dict[str, Any], configured: dict[str, Any]) -> Variant:
    return Variant(
        name=now["VariantName"],
        model=configured["ModelName"],
        weight=now.get("DesiredWeight", now.get("CurrentWeight", 1.0)),
        instance_type=configured.get("InstanceType"),
        instances=now.get("DesiredInstanceCount"),
        configured=configured.get("InitialInstanceCount"),
    )
