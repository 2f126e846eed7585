"""The topic that people listen to."""

from __future__ import annotations

from typing import Any

from aws_cdk import Aws
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

_OUR_ACCOUNT = {"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}}
_PUBLISHERS: dict[str, tuple[str, dict[str, Any]]] = {
    "AlarmsPublish": ("cloudwatch.amazonaws.com", _OUR_ACCOUNT),
    # EventBridge sends no context when it publishes: a condition would be met by no rule, and each of its messages be
    # refused (EventBridge user guide, "Using resource-based policies": no Condition blocks in topic policies).
    "EventsPublish": ("events.amazonaws.com", {}),
}
"""Statement -> the service that may publish, and under which condition."""


class AlertsTopic(Construct):
    """Failed runs and alarms are published here; `email`, where given, has to confirm its subscription."""

    def __init__(self, scope: Construct, construct_id: str, *, name: str, key: kms.IKey, email: str | None) -> None:
        super().__init__(scope, construct_id)
        self.topic = sns.Topic(self, "Topic", topic_name=name, master_key=key, enforce_ssl=True)
        for sid, (service, conditions) in _PUBLISHERS.items():
            self.topic.add_to_resource_policy(
                iam.PolicyStatement(
                    sid=sid,
                    principals=[iam.ServicePrincipal(service)],
                    actions=["sns:Publish"],
                    resources=[self.topic.topic_arn],
                    conditions=conditions,
                )
            )
        if email is not None:
            self.topic.add_subscription(subscriptions.EmailSubscription(email))
