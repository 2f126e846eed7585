"""What all workloads share: the key, the buckets, the alerts, the image builder."""

from __future__ import annotations

from aws_cdk import Stack
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from infra.documents import to_json
from infra.images.builder import ImageBuilder
from infra.monitoring.alerts import AlertsTopic
from infra.names import platform_parameter, stage_prefix
from infra.settings import Settings
from infra.storage.buckets import EncryptedBucket, LogBucket
from infra.storage.key import DataKey


class PlatformStack(Stack):
    """Holds nothing that knows of a workload: adding one never changes this stack."""

    def __init__(self, scope: Construct, *, settings: Settings) -> None:
        prefix = stage_prefix(settings.stage)
        super().__init__(scope, f"{prefix}-platform", description="Slipway: what all workloads share")
        keep = settings.removal_policy
        self.key = DataKey(self, "DataKey", alias=f"alias/{prefix}", removal_policy=keep).key
        self.log_bucket = LogBucket(self, "AccessLogs", stage=settings.stage, removal_policy=keep).bucket
        data = self._bucket("Data", settings, kind="data")
        data.send_events()
        self.data_bucket = data.bucket
        self.artifact_bucket = self._bucket("Artifacts", settings, kind="artifacts").bucket
        self.alerts_topic = AlertsTopic(
            self, "Alerts", name=f"{prefix}-alerts", key=self.key, email=settings.alert_email
        ).topic
        self.image_builder = ImageBuilder(
            self, "ImageBuilder", prefix=prefix, key=self.key, log_retention=settings.log_retention
        )
        self._describe(settings)

    def _bucket(self, construct_id: str, settings: Settings, *, kind: str) -> EncryptedBucket:
        return EncryptedBucket(
            self,
            construct_id,
            stage=settings.stage,
            kind=kind,
            key=self.key,
            access_logs=self.log_bucket,
            removal_policy=settings.removal_policy,
        )

    def _describe(self, settings: Settings) -> None:
        document = {
            "data_bucket": self.data_bucket.bucket_name,
            "artifact_bucket": self.artifact_bucket.bucket_name,
            "log_bucket": self.log_bucket.bucket_name,
            "kms_key_arn": self.key.key_arn,
            "alerts_topic_arn": self.alerts_topic.topic_arn,
        }
        ssm.CfnParameter(
            self,
            "Descriptor",
            name=platform_parameter(settings.stage),
            type="String",
            value=to_json(document),
            description="What the platform consists of",
        )
