"""Every name that other parts of the system rely on; `docs/contract.md` is the specification."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from aws_cdk import Aws


def stage_prefix(stage: str) -> str:
    return f"slipway-{stage}"


def workloads_path(stage: str) -> str:
    """SSM path of the workload descriptors, without a trailing slash."""
    return f"/slipway/{stage}/workloads"


def platform_parameter(stage: str) -> str:
    return f"/slipway/{stage}/platform"


def api_parameter(stage: str) -> str:
    return f"/slipway/{stage}/api"


def bucket_name(stage: str, kind: str) -> str:
    """Unique in the world by account and region, so that every stack can name the buckets without asking for them."""
    return f"{stage_prefix(stage)}-{kind}-{Aws.ACCOUNT_ID}-{Aws.REGION}"


LONGEST_PREFIX = 41
"""SageMaker's names have 63 characters at most, and those of endpoint configs add most: `-v9999-0a1b2c3d-shadow`."""


class LongName(ValueError):
    """A workload whose resources SageMaker would not take the names of."""


@dataclass(frozen=True, kw_only=True)
class WorkloadNames:
    """Names of one workload's resources. SageMaker names take no underscore, so they carry `-` for `_`.

    Raises LongName.
    """

    stage: str
    workload: str

    def __post_init__(self) -> None:
        if len(self.prefix) > LONGEST_PREFIX:
            raise LongName(
                f"{self.workload}: name: {self.workload!r} makes names that begin with {self.prefix!r}, of"
                f" {len(self.prefix)} characters, in stage {self.stage!r}: allowed: {LONGEST_PREFIX}"
            )

    @property
    def prefix(self) -> str:
        """Of everything the workload owns; also the name of its endpoint, package group and repository."""
        return f"{stage_prefix(self.stage)}-{self.workload.replace('_', '-')}"

    @property
    def train_machine(self) -> str:
        return f"{self.prefix}-train"

    @property
    def rollout_machine(self) -> str:
        return f"{self.prefix}-rollout"

    @property
    def monitor_machine(self) -> str:
        return f"{self.prefix}-monitor"

    @property
    def drift_alarm(self) -> str:
        return f"{self.prefix}-drift"

    @property
    def descriptor_parameter(self) -> str:
        return f"{workloads_path(self.stage)}/{self.workload}"

    @property
    def job_pattern(self) -> str:
        """Names of training jobs: 12 hex digits of the run follow the prefix."""
        return f"{self.prefix}-{'?' * 12}"

    @property
    def tuning_prefix(self) -> str:
        """Tuning jobs have names of at most 32 characters, 12 of them the run's: a tail to read, a hash to tell."""
        digest = hashlib.sha256(self.prefix.encode()).hexdigest()
        return f"{self.prefix[-10:].strip('-')}-{digest[:8]}"

    @property
    def tuning_pattern(self) -> str:
        return f"{self.tuning_prefix}-{'?' * 12}"

    def processing_pattern(self, suffix: str) -> str:
        """Names of the processing jobs of one kind: `eval`, or the name of a processing step."""
        return f"{self.job_pattern}-{suffix}"

    @property
    def version_pattern(self) -> str:
        """Names of models and endpoint configs: the model package's version follows the prefix."""
        return f"{self.prefix}-v*"

    def function(self, verb_noun: str) -> str:
        return f"{self.prefix}-{verb_noun.replace('_', '-')}"
