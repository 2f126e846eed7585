"""Builds container images in the account, so that no user needs a container engine."""

from __future__ import annotations

from pathlib import Path

from aws_cdk import ArnFormat, Duration, RemovalPolicy, Stack
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
    """A CodeBuild project, and the function behind the custom resource that starts its builds and waits for them.

    What a build may do comes with the build: each workload has a role for its own (`role_for`). One role for all would
    soon be full (IAM: 10,240 characters of inline policies a role), and would let each build push every image.
    """

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
        self._prefix = prefix
        self._role_path = f"/{prefix}/image-build/"
        self._key = key
        self._log_group_name = f"/aws/codebuild/{self.project_name}"
        log_group = logs.LogGroup(
            self,
            "Logs",
            log_group_name=self._log_group_name,
            retention=log_retention,
            encryption_key=key,
            removal_policy=RemovalPolicy.DESTROY,
        )
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
        self._allow_starting(starter.role, log_group)
        self.service_token = starter.function.function_arn

    def _allow_starting(self, role: iam.Role, log_group: logs.LogGroup) -> None:
        stack = Stack.of(self)
        allow(role, ["codebuild:BatchGetBuilds", "codebuild:StartBuild"], [self.project.attr_arn])
        allow(role, ["logs:GetLogEvents"], [log_group.log_group_arn])
        repositories = stack.format_arn(service="ecr", resource="repository", resource_name=f"{self._prefix}-*")
        allow(role, ["ecr:DescribeImages"], [repositories], wildcard="one repository a workload of the stage")
        allow(
            role,
            ["iam:PassRole"],
            [stack.format_arn(service="iam", region="", resource="role", resource_name=f"{self._role_path[1:]}*")],
            conditions={"StringEquals": {"iam:PassedToService": "codebuild.amazonaws.com"}},
            wildcard="one role a workload of the stage, all in a path of their own",
        )

    def _project(self, log_group: logs.LogGroup, key: kms.IKey) -> codebuild.CfnProject:
        if not BUILD_SPECIFICATION.is_file():
            raise MissingBuildSpecification("infra/images/buildspec.yaml does not exist: the image builds follow it")
        project = codebuild.CfnProject(
            self,
            "Project",
            name=self.project_name,
            description="Builds the images of the workloads",
            # Each build brings its own role (serviceRoleOverride); this one may do nothing.
            service_role=iam.Role(self, "ProjectRole", assumed_by=in_this_account("codebuild.amazonaws.com")).role_arn,
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
        acknowledge(project, {"AwsSolutions-CB3": "building a container image needs the engine inside the build"})
        return project

    def role_for(self, scope: Construct, *, repository: ecr.IRepository, source: s3_assets.Asset) -> iam.Role:
        """The role of builds that read `source` and push to `repository`, and do nothing else.

        It belongs to `scope`'s stack: a workload adds to its own stack, never to the platform's.
        """
        role = iam.Role(scope, "BuildRole", assumed_by=in_this_account("codebuild.amazonaws.com"), path=self._role_path)
        group = Stack.of(scope).format_arn(
            service="logs",
            resource="log-group",
            resource_name=self._log_group_name,
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )
        streams = "CodeBuild names the streams of its log group"
        allow(role, ["logs:CreateLogStream", "logs:PutLogEvents"], [f"{group}:*"], wildcard=streams)
        allow(role, ["kms:Decrypt", "kms:GenerateDataKey"], [self._key.key_arn])
        allow(role, ["ecr:GetAuthorizationToken"], ["*"], wildcard="ecr:GetAuthorizationToken has no resource")
        allow(role, PUSH_ACTIONS, [repository.repository_arn])
        allow(role, ["s3:GetObject", "s3:GetObjectVersion"], [source.bucket.arn_for_objects(source.s3_object_key)])
        return role
