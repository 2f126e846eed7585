"""The topic that people listen to."""

from __future__ import annotations

from aws_cdk import Aws
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

_PUBLISHERS = {"AlarmsPublish": "cloudwatch.amazonaws.com", "EventsPublish": "events.amazonaws.com"}


class AlertsTopic(Construct):
    """Failed runs and alarms are published here; `email`, where given, has to confirm its subscription."""

    def __init__(self, scope: Construct, construct_id: str, *, name: str, key: kms.IKey, email: str | None) -> None:
        super().__init__(scope, construct_id)
        self.topic = sns.Topic(self, "Topic", topic_name=name, master_key=key, enforce_ssl=True)
        for sid, service in _PUBLISHERS.items():
            self.topic.add_to_resource_policy(
                iam.PolicyStatement(
                    sid=sid,
                    principals=[iam.ServicePrincipal(service)],
                    actions=["sns:Publish"],
                    resources=[self.topic.topic_arn],
                    conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}},
                )
            )
        if email is not None:
            self.topic.add_subscription(subscriptions.EmailSubscription(email))
