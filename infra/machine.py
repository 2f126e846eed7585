"""A Step Functions state machine out of a definition that is plain data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aws_cdk import RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infra.documents import to_json
from infra.permissions import allow, explain_wildcards
from infra.principals import in_this_account


class Machine(Construct):
    """A standard state machine. Every event of it is logged, without the payloads; traces go to X-Ray.

    Its role may log, trace, invoke `functions` and publish to `alerts_topic_arn`, where it publishes; grant the rest to
    `role`.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        definition: dict[str, Any],
        functions: list[str],
        alerts_topic_arn: str | None,
        key: kms.IKey,
        log_retention: logs.RetentionDays,
    ) -> None:
        super().__init__(scope, construct_id)
        self.role = iam.Role(self, "Role", assumed_by=in_this_account("states.amazonaws.com"))
        log_group = logs.LogGroup(
            self,
            "Logs",
            # Below /aws/vendedlogs, where log delivery needs no entry of its own in the account's one resource policy.
            log_group_name=f"/aws/vendedlogs/states/{name}",
            retention=log_retention,
            encryption_key=key,
            removal_policy=RemovalPolicy.DESTROY,
        )
        self.state_machine = sfn.StateMachine(
            self,
            "StateMachine",
            state_machine_name=name,
            definition_body=sfn.DefinitionBody.from_string(to_json(definition)),
            role=self.role,
            logs=sfn.LogOptions(destination=log_group, level=sfn.LogLevel.ALL, include_execution_data=False),
            tracing_enabled=True,
        )
        allow(self.role, ["lambda:InvokeFunction"], functions)
        if alerts_topic_arn:
            allow(self.role, ["sns:Publish"], [alerts_topic_arn])
        allow(self.role, ["kms:Decrypt", "kms:GenerateDataKey"], [key.key_arn])
        explain_wildcards(self.role, ["*"], "log delivery and X-Ray have no resources")

    def allow_passing(self, roles: list[iam.IRole]) -> None:
        """Hand exactly these roles to SageMaker."""
        allow(
            self.role,
            ["iam:PassRole"],
            [role.role_arn for role in roles],
            conditions={"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
        )


def allow_jobs(role: iam.IRole, kind: str, arns: Sequence[str]) -> None:
    """What a task with `.sync` needs of SageMaker for jobs of a `kind` (Training, Processing and so on): to start,
    follow and stop them, and their tags, by which Step Functions knows those that it started (Step Functions guide,
    "IAM policies for calling Amazon SageMaker AI").
    """
    verbs = [f"sagemaker:{verb}{kind}Job" for verb in ("Create", "Describe", "Stop")]
    allow(role, ["sagemaker:AddTags", "sagemaker:ListTags", *verbs], arns)
