"""Builds container images in the account, so that no user needs a container engine."""

from __future__ import annotations

from pathlib import Path

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_codebuild as codebuild
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3_assets as s3_assets
from constructs import Construct

from infra.functions import PythonFunction
from infra.nag import acknowledge
from infra.permissions import allow
from infra.principals import in_this_account

BUILD_SPECIFICATION = Path(__file__).parent / "buildspec.yaml"
BUILD_IMAGE = "aws/codebuild/standard:7.0"
BUILD_LIMIT = Duration.minutes(15)
PUSH_ACTIONS = [
    "ecr:BatchCheckLayerAvailability",
    "ecr:BatchGetImage",
    "ecr:CompleteLayerUpload",
    "ecr:InitiateLayerUpload",
    "ecr:PutImage",
    "ecr:UploadLayerPart",
]


class MissingBuildSpecification(FileNotFoundError):
    """`buildspec.yaml` is not beside this module."""


class ImageBuilder(Construct):
    """A CodeBuild project, and the function behind the custom resource that starts its builds and waits for them."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        prefix: str,
        key: kms.IKey,
        log_retention: logs.RetentionDays,
    ) -> None:
        super().__init__(scope, construct_id)
        self.project_name = f"{prefix}-images"
        log_group = logs.LogGroup(
            self,
            "Logs",
            log_group_name=f"/aws/codebuild/{self.project_name}",
            retention=log_retention,
            encryption_key=key,
            removal_policy=RemovalPolicy.DESTROY,
        )
        self._project_role = self._role(log_group, key)
        self.project = self._project(log_group, key)
        starter = PythonFunction(
            self,
            "Starter",
            verb_noun="build_image",
            function_name=f"{prefix}-build-image",
            key=key,
            log_retention=log_retention,
            timeout=BUILD_LIMIT,
        )
        self._starter_role = starter.role
        allow(starter.role, ["codebuild:BatchGetBuilds", "codebuild:StartBuild"], [self.project.attr_arn])
        allow(starter.role, ["logs:GetLogEvents"], [log_group.log_group_arn])
        self.service_token = starter.function.function_arn

    def _role(self, log_group: logs.LogGroup, key: kms.IKey) -> iam.Role:
        role = iam.Role(self, "ProjectRole", assumed_by=in_this_account("codebuild.amazonaws.com"))
        log_group.grant_write(role)
        allow(role, ["kms:Decrypt", "kms:GenerateDataKey"], [key.key_arn])
        allow(role, ["ecr:GetAuthorizationToken"], ["*"], wildcard="ecr:GetAuthorizationToken has no resource")
        return role

    def _project(self, log_group: logs.LogGroup, key: kms.IKey) -> codebuild.CfnProject:
        if not BUILD_SPECIFICATION.is_file():
            raise MissingBuildSpecification("infra/images/buildspec.yaml does not exist: the image builds follow it")
        project = codebuild.CfnProject(
            self,
            "Project",
            name=self.project_name,
            description="Builds the serving images of the workloads",
            service_role=self._project_role.role_arn,
            encryption_key=key.key_arn,
            artifacts=codebuild.CfnProject.ArtifactsProperty(type="NO_ARTIFACTS"),
            source=codebuild.CfnProject.SourceProperty(
                # Each build brings its own source; without one there is nothing to build.
                type="NO_SOURCE",
                build_spec=BUILD_SPECIFICATION.read_text("utf-8"),
            ),
            environment=codebuild.CfnProject.EnvironmentProperty(
                type="LINUX_CONTAINER", image=BUILD_IMAGE, compute_type="BUILD_GENERAL1_SMALL", privileged_mode=True
            ),
            logs_config=codebuild.CfnProject.LogsConfigProperty(
                cloud_watch_logs=codebuild.CfnProject.CloudWatchLogsConfigProperty(
                    status="ENABLED", group_name=log_group.log_group_name
                )
            ),
            timeout_in_minutes=int(BUILD_LIMIT.to_minutes()),
        )
        project.node.add_dependency(self._project_role)
        acknowledge(project, {"AwsSolutions-CB3": "building a container image needs the engine inside the build"})
        return project

    def allow(self, scope: Construct, *, name: str, repository: ecr.IRepository, source: s3_assets.Asset) -> iam.Policy:
        """Let builds read `source` and push to `repository`, and nothing else.

        The policy belongs to `scope`'s stack: a workload adds to its own stack, never to the platform's. `name` must be
        the workload's own: the CDK's would be the same in every such stack, and the last one deployed would win.
        """
        return iam.Policy(
            scope,
            "BuildAccess",
            policy_name=f"{name}-image-build",
            roles=[self._project_role, self._starter_role],
            statements=[
                iam.PolicyStatement(
                    actions=["s3:GetObject", "s3:GetObjectVersion"],
                    resources=[source.bucket.arn_for_objects(source.s3_object_key)],
                ),
                iam.PolicyStatement(
                    actions=["ecr:DescribeImages", *PUSH_ACTIONS], resources=[repository.repository_arn]
                ),
            ],
        )
