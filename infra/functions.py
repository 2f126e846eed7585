"""A Lambda function out of one folder of `lambdas/`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from aws_cdk import Duration, IgnoreMode, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.nag import acknowledge

LAMBDAS = Path(__file__).resolve().parents[1] / "lambdas"
RUNTIME = lambda_.Runtime.PYTHON_3_13


class MissingCode(FileNotFoundError):
    """A folder of `lambdas/` that the stack names but that has no handler."""


class PythonFunction(Construct):
    """`lambdas/<verb_noun>` with `lambdas/shared` beside it, its log group, and a role that may only log.

    Logs are kept for `log_retention` under `key`. Grant everything else to `role`.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        verb_noun: str,
        function_name: str,
        environment: Mapping[str, str] | None = None,
        key: kms.IKey,
        log_retention: logs.RetentionDays,
        timeout: Duration,
        memory_mb: int = 256,
    ) -> None:
        super().__init__(scope, construct_id)
        log_group = logs.LogGroup(
            self,
            "Logs",
            log_group_name=f"/aws/lambda/{function_name}",
            retention=log_retention,
            encryption_key=key,
            removal_policy=RemovalPolicy.DESTROY,
        )
        self.role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        log_group.grant_write(self.role)
        self.function = lambda_.Function(
            self,
            "Function",
            function_name=function_name,
            runtime=RUNTIME,
            architecture=lambda_.Architecture.X86_64,
            handler=f"{verb_noun}.handler.handler",
            code=bundle(verb_noun),
            role=self.role,
            environment=dict(environment or {}),
            timeout=timeout,
            memory_size=memory_mb,
            log_group=log_group,
        )
        acknowledge(
            self.function,
            {"AwsSolutions-L1": "the code is tested on Python 3.11 to 3.13, the newest of which this is"},
        )


def bundle(verb_noun: str) -> lambda_.Code:
    """The asset of one function: its folder and `shared`, side by side, byte-identical wherever it is made."""
    if not (LAMBDAS / verb_noun / "handler.py").is_file():
        raise MissingCode(f"lambdas/{verb_noun}/handler.py does not exist: the stack deploys a function from it")
    keep = [pattern for folder in (verb_noun, "shared") for pattern in (f"!/{folder}", f"!/{folder}/**")]
    return lambda_.Code.from_asset(
        str(LAMBDAS),
        exclude=["/*", *keep, "__pycache__", "*.pyc"],
        ignore_mode=IgnoreMode.GIT,
    )
