"""Which variant, and which of its instances, answers the next request."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from localcloud.sagemaker.endpoints.fleet import Fleet, VariantFleet
    from localcloud.sagemaker.endpoints.instance import Instance

T = TypeVar("T")


class WeightedChoice(Generic[T]):
    """Smooth weighted round robin: over any n choices every item comes within one of n times its share.

    Every item gains its weight at each choice, the richest is chosen and pays the total. Not thread-safe.
    """

    def __init__(self, items: Sequence[tuple[T, float]]) -> None:
        self._items = [(item, weight) for item, weight in items if weight > 0]
        self._total = sum(weight for _, weight in self._items)
        self._credit = [0.0] * len(self._items)

    def next(self) -> T | None:
        """None when no item has a weight."""
        if not self._items:
            return None
        for index, (_, weight) in enumerate(self._items):
            self._credit[index] += weight
        richest = max(range(len(self._items)), key=self._credit.__getitem__)
        self._credit[richest] -= self._total
        return self._items[richest][0]


@dataclass(frozen=True)
class Share:
    """A fleet and its part of the traffic, 0 to 1."""

    fleet: Fleet
    part: float


class RouteTable:
    """How one endpoint's traffic goes: over fleets by their part, over a fleet's variants by their weight.

    A change of traffic is a new table. Used from one event loop.
    """

    def __init__(self, shares: Sequence[Share]) -> None:
        self.shares = tuple(shares)
        entries = [(variant, weight) for share in shares for variant, weight in _weights(share)]
        self._any = WeightedChoice(entries)
        self._by_name: dict[str, WeightedChoice[VariantFleet]] = {}
        for name in {variant.name for share in shares for variant in share.fleet.variants}:
            # A target variant is asked for by name, whatever its weight.
            named = [
                (variant, share.part) for share in shares for variant in share.fleet.variants if variant.name == name
            ]
            self._by_name[name] = WeightedChoice(named)

    def choose(self, target_variant: str | None) -> VariantFleet | None:
        """The variant for the next request; None when the target is unknown or no variant has a weight."""
        if target_variant is None:
            return self._any.next()
        named = self._by_name.get(target_variant)
        return named.next() if named else None

    def reaches(self, instance: Instance) -> bool:
        """Whether any traffic may still go to it."""
        return any(instance in variant.instances for share in self.shares for variant in share.fleet.variants)


def _weights(share: Share) -> list[tuple[VariantFleet, float]]:
    total = sum(variant.weight for variant in share.fleet.variants)
    return [(variant, share.part * variant.weight / total) for variant in share.fleet.variants] if total else []
