"""What the steps of a rollout do to the autoscaling of variants, before their update and after it.

SageMaker refuses an update that takes a scalable target away, or changes its instance type
(https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-scaling-update.html): such a target is deregistered first and
registered again on what serves then. A target whose variant stays is left alone, so that its history and what people
changed in it stay too.
"""

from itertools import chain
from typing import Any

from shared.descriptor import Descriptor

from plan_rollout import scaling
from plan_rollout.scaling import Scaling
from plan_rollout.serving import Serving

Step = dict[str, Any]


def attach(descriptor: Descriptor, steps: list[Step], serving: Serving | None) -> dict[str, Any]:
    """Gives every step `release` and `scale`; returns `release_back` and `scale_back` of the plan: what has to be done
    before and after going back to what `serving` is.
    """
    walk = _Walk(descriptor, serving)
    for step in steps:
        step |= walk.take(step)
    return walk.back()


class _Walk:
    """Which variants are scaled by what, from step to step."""

    def __init__(self, descriptor: Descriptor, serving: Serving | None) -> None:
        self._descriptor, self._endpoint = descriptor, descriptor["endpoint_name"]
        self._at_first = dict(serving.scalings) if serving else {}
        self._types_at_first = {each.name: each.instance_type for each in serving.variants} if serving else {}
        self._types, self._scaled = dict(self._types_at_first), dict(self._at_first)
        self._released: set[str] = set()
        self._made: set[str] = set()
        """Targets on variants that there were not before, or not on these instances."""
        self._put: set[str] = set()
        """Variants that Scale registers, or gives a policy of ours and the manifest's bounds."""

    def take(self, step: Step) -> Step:
        if step["endpoint_config"] is None:  # weights move no variant
            return {"release": [], "scale": []}
        variants = step["endpoint_config"]["ProductionVariants"]
        after = {variant["VariantName"]: variant.get("InstanceType") for variant in variants}
        wanted = {name: scaling.wanted(self._descriptor, self._before(name)[1]) for name in after}
        leaving = [name for name in self._scaled if self._has_to_go(name, after, wanted)]
        calls = {name: self._calls(name, scaled, leaving) for name, scaled in wanted.items() if scaled}
        self._released |= set(leaving) & self._at_first.keys()
        self._made |= {name for name in after if wanted[name] and after[name] != self._types_at_first.get(name)}
        self._put |= {name for name, made in calls.items() if made}
        self._types, self._scaled = after, {name: scaled for name, scaled in wanted.items() if scaled}
        released = [scaling.release(self._endpoint, name) for name in leaving]
        return {"release": released, "scale": list(chain.from_iterable(calls.values()))}

    def back(self) -> dict[str, Any]:
        # Nothing takes a policy of ours away again but deregistering its target.
        added = {name for name in self._put if name not in self._at_first or not self._at_first[name].has_ours}
        leaving = self._made | added
        again = [call for name, found in self._at_first.items() for call in self._calls_back(name, found, leaving)]
        return {
            "release_back": [scaling.release(self._endpoint, name) for name in sorted(leaving)],
            "scale_back": again,
        }

    def _calls_back(self, name: str, found: Scaling, leaving: set[str]) -> list[dict[str, Any]]:
        if name in self._released | leaving:
            return scaling.calls(self._endpoint, name, found)
        return scaling.own_calls(self._endpoint, name, found) if name in self._put else []

    def _before(self, name: str) -> tuple[str | None, Scaling | None]:
        """What scales the variant now, or, of a new one, the variant with the most traffic; and whose it is."""
        if name in self._scaled:
            return name, self._scaled[name]
        return next(iter(self._scaled.items()), (None, None))

    def _has_to_go(self, name: str, after: dict[str, str | None], wanted: dict[str, Scaling | None]) -> bool:
        if after.get(name) != self._types.get(name):
            return True
        kept = wanted[name]
        return kept is None or (self._scaled[name].has_ours and not kept.has_ours)

    def _calls(self, name: str, wanted: Scaling, leaving: list[str]) -> list[dict[str, Any]]:
        if name in self._scaled and name not in leaving:
            return scaling.own_calls(self._endpoint, name, wanted)
        return scaling.calls(self._endpoint, name, wanted, of=self._before(name)[0])
