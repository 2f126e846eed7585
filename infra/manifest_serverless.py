"""`serving.serverless` of a manifest: an endpoint that sleeps while nobody asks it (`docs/autoscaling.md`).

Bounds are those of the API shape ProductionVariantServerlessConfig; what it excludes is from
https://docs.aws.amazon.com/sagemaker/latest/dg/serverless-endpoints.html, "Feature support".
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from infra.manifest_fields import Strict


class Serverless(Strict):
    """No instances: SageMaker starts a container for the first request, and ends it some idle minutes later."""

    memory_mb: Literal[1024, 2048, 3072, 4096, 5120, 6144]
    max_concurrency: Annotated[int, Field(ge=1, le=200)]
    provisioned_concurrency: Annotated[int, Field(ge=1, le=200)] | None = None
    """Kept warm, and paid for."""
    network_isolation: Literal[False]
    """To be said by the manifest: SageMaker offers none to serverless models, whose container may reach the network."""

    @model_validator(mode="after")
    def _keeps_no_more_than_it_allows(self) -> Serverless:
        if (self.provisioned_concurrency or 0) > self.max_concurrency:
            raise ValueError(
                f"provisioned_concurrency {self.provisioned_concurrency} is above max_concurrency"
                f" {self.max_concurrency}"
            )
        return self

    def check(self, *, strategy: str, count: int, scaled: bool, monitored: bool) -> None:
        """Raises ValueError for what SageMaker does not combine with it."""
        if strategy != "all_at_once":
            raise ValueError(
                f"rollout.strategy {strategy!r} needs a fleet or a second variant, and serving.serverless has neither:"
                " allowed: all_at_once"
            )
        if count != 1 or scaled:
            key = "serving.autoscaling" if scaled else f"serving.instance.count {count}"
            raise ValueError(f"{key} has no meaning with serving.serverless: it has no instances, and scales by itself")
        if monitored:
            raise ValueError("monitoring: SageMaker captures no requests of serverless endpoints: leave it out")
