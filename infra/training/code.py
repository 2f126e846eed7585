"""What the jobs of a workload run."""

from __future__ import annotations

from dataclasses import dataclass

from aws_cdk import aws_s3_assets as s3_assets


@dataclass(frozen=True, kw_only=True)
class TrainingCode:
    """The two zips that a training or processing container is given: the driver, and the workload's own folder."""

    entrypoint: s3_assets.Asset
    code: s3_assets.Asset
