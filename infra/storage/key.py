"""The key that everything at rest is encrypted with."""

from __future__ import annotations

from aws_cdk import Aws, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

_PUBLISHERS = {
    "events.amazonaws.com": "EventBridge writes events into encrypted queues and the encrypted topic",
    "cloudwatch.amazonaws.com": "alarms notify the encrypted topic",
}
"""Services that use the key on their own, not on behalf of a role, and why."""


class DataKey(Construct):
    """A symmetric key, rotated yearly. Roles get their use of it by grants; the services below by its policy."""

    def __init__(self, scope: Construct, construct_id: str, *, alias: str, removal_policy: RemovalPolicy) -> None:
        super().__init__(scope, construct_id)
        self.key = kms.Key(
            self,
            "Key",
            alias=alias,
            description="Data, models, queues, topics and logs of Slipway",
            enable_key_rotation=True,
            removal_policy=removal_policy,
        )
        for service in _PUBLISHERS:
            self.key.add_to_resource_policy(_publisher(service))
        self.key.add_to_resource_policy(_log_groups(Stack.of(self)))


def _publisher(service: str) -> iam.PolicyStatement:
    return iam.PolicyStatement(
        principals=[iam.ServicePrincipal(service)],
        actions=["kms:Decrypt", "kms:GenerateDataKey"],
        resources=["*"],
        conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}},
    )


def _log_groups(stack: Stack) -> iam.PolicyStatement:
    """CloudWatch Logs names the log group in the encryption context, not in `aws:SourceArn`."""
    groups = stack.format_arn(service="logs", resource="log-group:*")
    return iam.PolicyStatement(
        principals=[iam.ServicePrincipal(f"logs.{Aws.REGION}.amazonaws.com")],
        actions=["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"],
        resources=["*"],
        conditions={"ArnLike": {"kms:EncryptionContext:aws:logs:arn": groups}},
    )
