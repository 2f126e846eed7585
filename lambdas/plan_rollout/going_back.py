"""The requests that bring back what served before, at the size that it had.

`RetainAllVariantProperties` keeps the instance count that a variant of the same name has when the update begins: on the
way back the old model's own only where no step gave that name another one.
"""

from typing import Any

from shared.descriptor import Descriptor

from plan_rollout import requests
from plan_rollout.serving import Serving

Step = dict[str, Any]


def back(descriptor: Descriptor, steps: list[Step], serving: Serving | None) -> dict[str, Any]:
    """`{"restore": <UpdateEndpoint request>, "resize_back": <UpdateEndpointWeightsAndCapacities request>}`, each null
    where it is not needed: to the config that serves, and then from its counts to those that were chosen since.
    """
    if serving is None:
        return {"restore": None, "resize_back": None}
    updates = [step for step in steps if step["action"] == "update"]
    names = {variant.name for variant in serving.variants}
    keep_size = all("RetainAllVariantProperties" in step["request"] or not names & _names(step) for step in updates)
    kept = set.intersection(names, *(_names(step) for step in updates)) if keep_size else set()
    sizes = {
        variant.name: variant.instances
        for variant in serving.variants
        if variant.name not in kept and variant.instances and variant.instances != variant.configured
    }
    return {
        "restore": requests.update_endpoint(descriptor, config=serving.config_name, guarded=False, keep_size=keep_size),
        "resize_back": requests.update_sizes(descriptor, sizes) if sizes else None,
    }


def _names(step: Step) -> set[str]:
    return {variant["VariantName"] for variant in step["endpoint_config"]["ProductionVariants"]}
