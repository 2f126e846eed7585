"""The Processing steps of one workload: their images and the role that their containers have."""

from __future__ import annotations

from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.context import WorkloadContext
from infra.images.managed import ManagedImage
from infra.machine import allow_jobs
from infra.manifest_processing import ProcessingStep
from infra.sagemaker_role import SageMakerRole
from infra.training.code import TrainingCode

MAX_JOB_NAME = 63
"""ProcessingJobName."""


class LongStepName(ValueError):
    """A step whose jobs' names SageMaker would not take; the message names the key, the value and the limit."""


class Processing(Construct):
    """What the jobs of `processing:` need. `role` reads the workload's data and writes below its `processed/`."""

    def __init__(self, scope: Construct, construct_id: str, *, context: WorkloadContext, code: TrainingCode) -> None:
        super().__init__(scope, construct_id)
        self.steps = context.workload.manifest.processing
        for index, step in enumerate(self.steps):
            _check_name(context, index, step)
        self.images = {step.name: self._image(index, step) for index, step in enumerate(self.steps)}
        self.role = self._role(context, code)

    def _image(self, index: int, step: ProcessingStep) -> ManagedImage:
        return ManagedImage(
            self,
            f"Image-{step.name}",
            image=step.image,
            instance_type=step.instance.type,
            section=f"processing.{index}",
        )

    def _role(self, context: WorkloadContext, code: TrainingCode) -> iam.Role:
        role = SageMakerRole(
            self,
            "Role",
            log_group="/aws/sagemaker/ProcessingJobs",
            namespace="/aws/sagemaker/ProcessingJobs",
            repository_arns=[image.repository_arn for image in self.images.values()],
            key=context.key,
        )
        role.allow_reading_assets([code.entrypoint, code.code])
        role.allow_reading(context.data_bucket, [context.data_prefix])
        checked = [context.checks_prefix] if context.workload.manifest.data.checks else []
        role.allow_reading(context.artifact_bucket, [*checked, context.processed_prefix])
        role.allow_writing(context.artifact_bucket, [context.processed_prefix])
        return role.role

    def allow_jobs(self, machine_role: iam.Role, context: WorkloadContext) -> None:
        """Let the train machine start, follow and stop the steps' jobs."""
        names = [context.names.processing_pattern(step.name) for step in self.steps]
        allow_jobs(machine_role, "Processing", [context.sagemaker_arn("processing-job", name) for name in names])


def _check_name(context: WorkloadContext, index: int, step: ProcessingStep) -> None:
    length = len(context.names.processing_pattern(step.name))
    if length > MAX_JOB_NAME:
        raise LongStepName(
            f"{context.workload.name}: processing.{index}.name: {step.name!r} makes names of jobs of {length}"
            f" characters in stage {context.names.stage!r}: allowed: {MAX_JOB_NAME}"
        )
