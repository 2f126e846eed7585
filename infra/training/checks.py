"""The data check of one workload: what its job runs, and the role that it has."""

from __future__ import annotations

import json
from pathlib import Path

from aws_cdk import Stage
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3_assets as s3_assets
from constructs import Construct

from infra.context import WorkloadContext
from infra.images.managed import ManagedImage
from infra.images.serving_image import ServingImage
from infra.machine import allow_jobs
from infra.manifest_checks import Checks
from infra.sagemaker_role import SageMakerRole

STEP = "check"
"""Suffix of the names of its jobs."""
NOT_CODE = ["__pycache__", "*.pyc"]


class DataChecks(Construct):
    """The checker, its rules, and a role that reads data sets and writes reports and bad files."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        context: WorkloadContext,
        checks: Checks,
        serving_image: ServingImage,
    ) -> None:
        super().__init__(scope, construct_id)
        self.checks = checks
        checker = context.workload.roots.training / "checks"
        self.checker = s3_assets.Asset(self, "Checker", path=str(checker), exclude=NOT_CODE)
        self.rules = self._rules(context, checks)
        self.image_uri, repository_arn = self._image(context, serving_image)
        self.role = self._role(context, repository_arn)

    def _image(self, context: WorkloadContext, serving_image: ServingImage) -> tuple[str, str]:
        """URI and repository ARN of the training image, because it is there in any case; the checker needs nothing of
        it but Python.
        """
        training = context.workload.manifest.training
        if training.own_image:
            return serving_image.uri, serving_image.repository.repository_arn
        instance_type = self.checks.instance.type
        image = ManagedImage(self, "Image", image=training.image, instance_type=instance_type, section="training")
        return image.uri, image.repository_arn

    def _rules(self, context: WorkloadContext, checks: Checks) -> s3_assets.Asset:
        """An object of its own: the descriptor has no room for rules. CDK uploads files, so they become one first, in
        the cloud assembly.
        """
        path = Path(Stage.of(self).outdir) / f"{context.names.prefix}.data-checks.json"
        path.write_text(json.dumps(checks.rules(context.workload.manifest.data.channels)), "utf-8")
        return s3_assets.Asset(self, "Rules", path=str(path))

    def _role(self, context: WorkloadContext, repository_arn: str) -> iam.Role:
        role = SageMakerRole(
            self,
            "Role",
            log_group="/aws/sagemaker/ProcessingJobs",
            namespace="/aws/sagemaker/ProcessingJobs",
            repository_arns=[repository_arn],
            key=context.key,
        )
        role.allow_reading_assets([self.checker, self.rules])
        role.allow_reading(context.data_bucket, [context.data_prefix])
        role.allow_writing(context.artifact_bucket, [context.checks_prefix, f"{context.data_prefix}quarantine/"])
        return role.role

    def allow_jobs(self, machine_role: iam.Role, context: WorkloadContext) -> None:
        """Let the train machine start, follow and stop the check's job."""
        name = context.names.processing_pattern(STEP)
        allow_jobs(machine_role, "Processing", [context.sagemaker_arn("processing-job", name)])
