"""What every role that SageMaker assumes has in common: its own logs and metrics, its image, the key."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import ArnFormat, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_s3_assets as s3_assets
from constructs import Construct

from infra.permissions import allow, allow_grants
from infra.principals import in_this_account


class SageMakerRole(Construct):
    """A role for one kind of container. `log_group` and `namespace` are the names that SageMaker gives them."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        log_group: str,
        namespace: str,
        repository_arns: Sequence[str],
        key: kms.IKey,
    ) -> None:
        super().__init__(scope, construct_id)
        self.role = iam.Role(self, "Role", assumed_by=in_this_account("sagemaker.amazonaws.com"))
        self._allow_logs(log_group)
        allow(
            self.role,
            ["cloudwatch:PutMetricData"],
            ["*"],
            conditions={"StringEquals": {"cloudwatch:namespace": namespace}},
            wildcard="cloudwatch:PutMetricData has no resource, it is bound to a namespace instead",
        )
        allow(self.role, ["ecr:GetAuthorizationToken"], ["*"], wildcard="ecr:GetAuthorizationToken has no resource")
        allow(
            self.role,
            ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
            repository_arns,
        )
        # Encrypt for outputs with a key, a grant for volumes with one (SageMaker AI developer guide, "How to use
        # SageMaker AI execution roles").
        used = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey"]
        allow(self.role, used, [key.key_arn])
        allow_grants(self.role, key.key_arn)

    def allow_reading(self, bucket: s3.IBucket, prefixes: Sequence[str]) -> None:
        """Read, and list, the objects whose keys start with one of `prefixes` (each ends in `/`)."""
        patterns = [f"{prefix}*" for prefix in prefixes]
        self._allow_objects(bucket, patterns, ["s3:GetObject", "s3:GetObjectVersion"])
        listed = {"StringLike": {"s3:prefix": patterns}}
        allow(self.role, ["s3:ListBucket"], [bucket.bucket_arn], conditions=listed)

    def allow_writing(self, bucket: s3.IBucket, prefixes: Sequence[str]) -> None:
        """Write objects whose keys start with one of `prefixes` (each ends in `/`)."""
        patterns = [f"{prefix}*" for prefix in prefixes]
        self._allow_objects(bucket, patterns, ["s3:AbortMultipartUpload", "s3:PutObject"])

    def allow_deleting(self, bucket: s3.IBucket, prefixes: Sequence[str]) -> None:
        """Delete objects whose keys start with one of `prefixes` (each ends in `/`)."""
        self._allow_objects(bucket, [f"{prefix}*" for prefix in prefixes], ["s3:DeleteObject"])

    def allow_reading_assets(self, assets: Sequence[s3_assets.Asset]) -> None:
        """Read exactly these objects. SageMaker lists an input's URI as a prefix, hence the listing of each key."""
        bucket = assets[0].bucket
        keys = [asset.s3_object_key for asset in assets]
        allow(self.role, ["s3:GetObject"], [bucket.arn_for_objects(key) for key in keys])
        listed = {"StringEquals": {"s3:prefix": keys}}
        allow(self.role, ["s3:ListBucket"], [bucket.bucket_arn], conditions=listed)

    def _allow_objects(self, bucket: s3.IBucket, patterns: list[str], actions: list[str]) -> None:
        objects = [bucket.arn_for_objects(pattern) for pattern in patterns]
        allow(self.role, actions, objects, wildcard="object keys below the workload's own prefix")

    def _allow_logs(self, name: str) -> None:
        group = Stack.of(self).format_arn(
            service="logs",
            resource="log-group",
            resource_name=name,
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )
        allow(
            self.role,
            ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
            [group, f"{group}:*"],
            wildcard="SageMaker names the streams of its log group",
        )
