"""What scores files in bulk: the role of Batch Transform jobs' containers."""

from __future__ import annotations

from aws_cdk import aws_ecr as ecr
from constructs import Construct

from infra.context import WorkloadContext
from infra.sagemaker_role import SageMakerRole


class Batch(Construct):
    """`role` reads the workload's models, its data and what lies below `prefix` of the artifacts; it writes there."""

    def __init__(
        self, scope: Construct, construct_id: str, *, context: WorkloadContext, repository: ecr.IRepository
    ) -> None:
        super().__init__(scope, construct_id)
        self.prefix = f"{context.data_prefix}batch/"
        role = SageMakerRole(
            self,
            "Role",
            log_group="/aws/sagemaker/TransformJobs",
            namespace="/aws/sagemaker/TransformJobs",
            repository_arns=[repository.repository_arn],
            key=context.key,
        )
        role.allow_reading(context.data_bucket, [context.data_prefix])
        role.allow_reading(context.artifact_bucket, [f"{context.data_prefix}training/", self.prefix])
        role.allow_writing(context.artifact_bucket, [self.prefix])
        self.role = role.role
