"""The key that everything at rest is encrypted with."""

from __future__ import annotations

from typing import Any

from aws_cdk import Aws, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

_OUR_ACCOUNT = {"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}}
_PUBLISHERS: dict[str, dict[str, Any]] = {
    # Writes events into encrypted queues and the encrypted topic. For a topic it sends neither the account nor the
    # rule, so a condition on them would refuse every message (SNS developer guide, "Key management": not supported
    # "for EventBridge-to-encrypted topics"). What it may write into is bound by the queues' and the topic's policies.
    "events.amazonaws.com": {},
    # Alarms notify the encrypted topic.
    "cloudwatch.amazonaws.com": _OUR_ACCOUNT,
}
"""Services that use the key on their own, not on behalf of a role, and under which condition."""


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
        for service, conditions in _PUBLISHERS.items():
            self.key.add_to_resource_policy(_publisher(service, conditions))
        self.key.add_to_resource_policy(_log_groups(Stack.of(self)))


def _publisher(service: str, conditions: dict[str, Any]) -> iam.PolicyStatement:
    return iam.PolicyStatement(
        principals=[iam.ServicePrincipal(service)],
        actions=["kms:Decrypt", "kms:GenerateDataKey"],
        resources=["*"],
        conditions=conditions,
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
