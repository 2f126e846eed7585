"""What the jobs of a workload run."""

from __future__ import annotations

from dataclasses import dataclass

from aws_cdk import aws_s3_assets as s3_assets


@dataclass(frozen=True, kw_only=True)
class TrainingCode:
    """What containers are given: a training or processing container the driver and the workload's own folder (zips)."""

    entrypoint: s3_assets.Asset
    code: s3_assets.Asset
    starter: s3_assets.Asset | None
    """A file that starts the driver in the training jobs of a tuning job; None for a workload without one."""

    evaluator: s3_assets.Asset | None
    """The zip that evaluates the workload's own image; None where the image serves by our server."""

    @property
    def of_training(self) -> list[s3_assets.Asset]:
        """What a training container reads."""
        return [self.entrypoint, self.code, *([self.starter] if self.starter else [])]
