"""What the constructs of one workload are given by the stack around them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from aws_cdk import Stack
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns

from infra.names import WorkloadNames, workloads_path
from infra.settings import Settings
from infra.storage.buckets import CAPTURED
from infra.workloads import Workload


@dataclass(frozen=True, kw_only=True)
class WorkloadContext:
    """`key` is imported by ARN: its policy belongs to the platform, no workload may change it."""

    stack: Stack
    workload: Workload
    names: WorkloadNames
    settings: Settings
    key: kms.IKey
    data_bucket: s3.IBucket
    artifact_bucket: s3.IBucket
    alerts_topic: sns.ITopic

    @property
    def data_prefix(self) -> str:
        """Of the workload's keys, in the data bucket and in the artifact bucket alike."""
        return f"{self.workload.name}/"

    @property
    def checks_prefix(self) -> str:
        """Of the keys that data checks write, in the artifact bucket; bad files excepted."""
        return f"{self.data_prefix}checks/"

    @property
    def processed_prefix(self) -> str:
        """Of the keys that processing steps write, in the artifact bucket."""
        return f"{self.data_prefix}processed/"

    @property
    def capture_prefix(self) -> str:
        """Of the keys that data capture of the endpoint writes, in the artifact bucket."""
        return f"{CAPTURED}{self.data_prefix}"

    @property
    def environment(self) -> Mapping[str, str]:
        """Of every function."""
        return {"SLIPWAY_WORKLOADS_PATH": workloads_path(self.settings.stage)}

    @property
    def descriptor_arn(self) -> str:
        name = self.names.descriptor_parameter.removeprefix("/")
        return self.stack.format_arn(service="ssm", resource="parameter", resource_name=name)

    def sagemaker_arn(self, resource: str, name: str) -> str:
        return self.stack.format_arn(service="sagemaker", resource=resource, resource_name=name)
