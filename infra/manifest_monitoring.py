"""`monitoring:` of a manifest: what is captured of the endpoint, and when it counts as drift (docs/monitoring.md)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from infra.manifest_fields import Seconds, Strict, VolumeGB, known_to


class MonitoringInstance(Strict):
    type: Annotated[str, known_to("ProcessingInstanceType")] = "ml.m5.large"
    volume_gb: VolumeGB = 30


class Quality(Strict):
    """Answers against labels that come later, below `{workload}/ground-truth/` of the data bucket."""

    metric: Literal["accuracy", "mae"]
    limit: Annotated[float, Field(ge=0)]
    """The alarm rings below it (accuracy) or above it (mae)."""
    field: Annotated[str, StringConstraints(min_length=1, max_length=200)] | None = None
    """Which key of a prediction is compared with the label, where predictions are objects."""

    @model_validator(mode="after")
    def _is_a_share(self) -> Quality:
        if self.metric == "accuracy" and self.limit > 1:
            raise ValueError(f"limit {self.limit}: an accuracy is at most 1")
        return self


class Monitoring(Strict):
    """Nothing is captured or deployed for it where the manifest leaves it out."""

    sampling_percent: Annotated[int, Field(ge=1, le=100)] = 100  # InitialSamplingPercentage
    every_minutes: Annotated[int, Field(ge=5, le=10_080)] = 60
    window_hours: Annotated[int, Field(ge=1, le=168)] = 24
    """What was asked in these hours is recent; so is what labels may still come for."""
    baseline_requests: Annotated[int, Field(ge=20, le=100_000)] = 1000
    """Of a version's first requests, which later ones are compared with."""
    minimum_requests: Annotated[int, Field(ge=20, le=100_000)] = 100
    """Below this many, on either side, nothing is compared."""
    threshold: Annotated[float, Field(gt=0, le=10)] = 0.2
    """Population stability index from which a column has drifted."""
    retrain: bool = False
    """Whether the alarm of drift asks for a training run on the newest complete data set."""
    quality: Quality | None = None
    instance: MonitoringInstance = Field(default_factory=MonitoringInstance)
    max_runtime_seconds: Seconds = 1800

    @model_validator(mode="after")
    def _can_be_enough(self) -> Monitoring:
        if self.minimum_requests > self.baseline_requests:
            raise ValueError(
                f"minimum_requests {self.minimum_requests} is more than baseline_requests {self.baseline_requests}:"
                " nothing would ever be compared"
            )
        return self
