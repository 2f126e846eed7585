"""`serving.autoscaling` of a manifest: how many instances serve, by how much they are asked (`docs/autoscaling.md`).

Bounds are those of Application Auto Scaling for the dimension `sagemaker:variant:DesiredInstanceCount` (API shapes
RegisterScalableTarget, TargetTrackingScalingPolicyConfiguration).
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from infra.manifest_fields import Strict

Cooldown = Annotated[int, Field(ge=0, le=3600)]
BURSTABLE = "ml.t2."
"""https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling-prerequisites.html"""


class Autoscaling(Strict):
    """Target tracking on SageMakerVariantInvocationsPerInstance."""

    minimum: Annotated[int, Field(ge=0, le=100)]
    maximum: Annotated[int, Field(ge=1, le=100)]
    invocations_per_instance: Annotated[int, Field(ge=1, le=1_000_000)]
    """Requests that one instance is to answer in a minute: more of them and instances are added, fewer and they go."""
    scale_out_cooldown_seconds: Cooldown = 300
    scale_in_cooldown_seconds: Cooldown = 300

    @model_validator(mode="after")
    def _is_possible(self) -> Autoscaling:
        if self.minimum == 0:
            raise ValueError(
                "minimum 0: an endpoint that answers in real time keeps an instance (SageMaker scales only asynchronous"
                " endpoints and inference components to zero): allowed: 1 or more, or serving.serverless"
            )
        if self.maximum < self.minimum:
            raise ValueError(f"maximum {self.maximum} is below minimum {self.minimum}")
        return self

    def check_fleet(self, *, instance_type: str, count: int, strategy: str, needed: int) -> None:
        """Raises ValueError where it does not go together with `serving.instance`, or with the rollout's strategy,
        which needs as many instances as `needed`.
        """
        if instance_type.startswith(BURSTABLE):
            raise ValueError(
                f"serving.autoscaling: Application Auto Scaling does not scale burstable instances like"
                f" {instance_type}: allowed: any other serving.instance.type"
            )
        if not self.minimum <= count <= self.maximum:
            raise ValueError(
                f"serving.instance.count {count} is outside of serving.autoscaling: allowed: {self.minimum} to"
                f" {self.maximum}"
            )
        if self.minimum < needed:
            raise ValueError(
                f"serving.autoscaling.minimum {self.minimum}: rollout.strategy {strategy!r} moves traffic by part of"
                f" the fleet: allowed: {needed} or more"
            )
