"""What the jobs of a workload run."""

from __future__ import annotations

from dataclasses import dataclass

from aws_cdk import aws_s3_assets as s3_assets


@dataclass(frozen=True, kw_only=True)
class TrainingCode:
    """The zips that a training or processing container is given: the driver, and the workload's own folder."""

    entrypoint: s3_assets.Asset
    code: s3_assets.Asset
    starter: s3_assets.Asset | None
    """A file that starts the driver in the training jobs of a tuning job; None for a workload without one."""

    @property
    def of_training(self) -> list[s3_assets.Asset]:
        """What a training container reads."""
        return [self.entrypoint, self.code, *([self.starter] if self.starter else [])]
