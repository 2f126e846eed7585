"""The buckets: data in, artifacts out, and the access logs of both."""

from __future__ import annotations

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.nag import acknowledge
from infra.names import bucket_name

OLD_VERSIONS_KEPT = Duration.days(90)
CAPTURED = "_captured/"
"""Below it lie the requests that endpoints captured; no workload can have this name."""
CAPTURES_KEPT = Duration.days(90)
ACCESS_LOGS_KEPT = Duration.days(90)


class LogBucket(Construct):
    """Holds S3 server access logs.

    S3 delivers them only to buckets whose default encryption is SSE-S3, hence no key of ours here
    (S3 user guide, "Enabling Amazon S3 server access logging").
    """

    def __init__(self, scope: Construct, construct_id: str, *, stage: str, removal_policy: RemovalPolicy) -> None:
        super().__init__(scope, construct_id)
        self.bucket = s3.Bucket(
            self,
            "Bucket",
            bucket_name=bucket_name(stage, "logs"),
            encryption=s3.BucketEncryption.S3_MANAGED,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            enforce_ssl=True,
            versioned=True,
            lifecycle_rules=[
                s3.LifecycleRule(
                    id="expire-access-logs",
                    expiration=ACCESS_LOGS_KEPT,
                    noncurrent_version_expiration=Duration.days(1),
                    abort_incomplete_multipart_upload_after=Duration.days(1),
                )
            ],
            removal_policy=removal_policy,
        )
        acknowledge(self.bucket, {"AwsSolutions-S1": "a bucket that logs its own accesses fills itself without end"})


class EncryptedBucket(Construct):
    """A private, versioned bucket under `key`, reachable over TLS only, its accesses logged below `kind`/."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        stage: str,
        kind: str,
        key: kms.IKey,
        access_logs: s3.IBucket,
        removal_policy: RemovalPolicy,
    ) -> None:
        super().__init__(scope, construct_id)
        self.bucket = s3.Bucket(
            self,
            "Bucket",
            bucket_name=bucket_name(stage, kind),
            encryption=s3.BucketEncryption.KMS,
            encryption_key=key,
            bucket_key_enabled=True,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            versioned=True,
            server_access_logs_bucket=access_logs,
            server_access_logs_prefix=f"{kind}/",
            lifecycle_rules=[
                s3.LifecycleRule(
                    id="expire-old-versions",
                    noncurrent_version_expiration=OLD_VERSIONS_KEPT,
                    abort_incomplete_multipart_upload_after=Duration.days(7),
                ),
                s3.LifecycleRule(
                    id="expire-captured-requests",
                    prefix=CAPTURED,
                    expiration=CAPTURES_KEPT,
                    noncurrent_version_expiration=Duration.days(1),
                ),
            ],
            removal_policy=removal_policy,
        )

    def send_events(self) -> None:
        """Send every object event to EventBridge.

        By the property of the resource itself: the bucket's own switch for it brings a custom resource along.
        """
        resource = self.bucket.node.default_child
        assert isinstance(resource, s3.CfnBucket)  # noqa: S101 - narrows the type
        resource.notification_configuration = s3.CfnBucket.NotificationConfigurationProperty(
            event_bridge_configuration=s3.CfnBucket.EventBridgeConfigurationProperty(event_bridge_enabled=True)
        )
