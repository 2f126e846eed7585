"""Variants that Application Auto Scaling scales, which an update may not take away.

https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-scaling-update.html: "If the update would change the instance
type for any model that is a target for auto scaling, the update fails"; a variant that would go is refused alike. A
change of the model alone is allowed.
"""

from __future__ import annotations

from typing import Any

from localcloud.sagemaker.errors import ValidationException
from localcloud.sagemaker.store import Store

Document = dict[str, Any]
_TARGET = "scalable-target"


def require_kept(store: Store, endpoint: Document, config: Document) -> None:
    """Raise ValidationException where ``config`` lacks a registered variant, or has it on other instances."""
    serving = endpoint.get("_ServingConfig", {})
    before, after = _instance_types(serving), _instance_types(config)
    prefix = f"endpoint/{endpoint['EndpointName']}/variant/"
    scaled = [target["ResourceId"] for target in store.list(_TARGET) if target["ResourceId"].startswith(prefix)]
    names = [name.removeprefix(prefix) for name in scaled]
    lost = [name for name in names if name in before and after.get(name) != before[name]]
    if lost:
        raise ValidationException(
            f'The variant(s) "[{", ".join(sorted(lost))}]" must be deregistered as scalable target with AutoScaling '
            "before they can be removed or have their instance type updated."
        )


def _instance_types(config: Document) -> dict[str, str | None]:
    return {variant["VariantName"]: variant.get("InstanceType") for variant in config.get("ProductionVariants", [])}
