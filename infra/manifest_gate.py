"""The `gate` part of a manifest: what a new model has to be before it is registered (docs/gate.md)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from infra.manifest_fields import Strict

MetricName = Annotated[str, StringConstraints(min_length=1)]


_BUDGETS = ("max_latency_ms", "max_latency_ratio", "max_model_mb")


class Slices(Strict):
    """Parts of the holdout that `evaluate` tells apart, none of which may get worse than the champion's."""

    metric: MetricName | None = None
    """The gate's own where left out; the gate's goal holds for it."""
    max_regression: Annotated[float, Field(ge=0)]
    minimum_examples: Annotated[int, Field(ge=1)] = 1
    """Slices with fewer say nothing and are not judged."""


class Gate(Strict):
    metric: MetricName
    goal: Literal["maximize", "minimize"]
    minimum: float | None = None
    """The worst value that passes, whatever the champion has."""
    max_regression: Annotated[float, Field(ge=0)]
    """How much worse than the champion still passes, in the metric's unit."""
    slices: Slices | None = None
    max_latency_ms: Annotated[float, Field(gt=0)] | None = None
    """Of one row, without HTTP, at the 99th percentile."""
    max_latency_ratio: Annotated[float, Field(gt=0)] | None = None
    """Of one row, at the median, to the champion's measured beside it."""
    max_model_mb: Annotated[float, Field(gt=0)] | None = None
    """Of the unpacked files, in millions of bytes."""

    @property
    def beyond_the_metric(self) -> list[str]:
        """The keys given that need more of an evaluation than metrics."""
        return [name for name in ("slices", *_BUDGETS) if getattr(self, name) is not None]

    @property
    def limits_latency(self) -> bool:
        return self.max_latency_ms is not None or self.max_latency_ratio is not None
