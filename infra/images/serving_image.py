"""The image that serves one workload, and trains it where it is the workload's own: its repository, and its build as
part of the deployment.
"""

from __future__ import annotations

from aws_cdk import CustomResource, Duration
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_kms as kms
from constructs import Construct

from infra.images.builder import ImageBuilder
from infra.images.image_source import image_source
from infra.settings import Settings
from infra.workloads import Workload

IMAGES_KEPT = 20


class ServingImage(Construct):
    """Built from the folders that `image_source` names, tagged with the hash of their content.

    A tag is never written twice: changed code is another image, and a model package goes on naming the one it was
    evaluated in.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        workload: Workload,
        name: str,
        builder: ImageBuilder,
        key: kms.IKey,
        settings: Settings,
    ) -> None:
        super().__init__(scope, construct_id)
        self.repository = ecr.Repository(
            self,
            "Repository",
            repository_name=name,
            image_tag_mutability=ecr.TagMutability.IMMUTABLE,
            image_scan_on_push=True,
            encryption=ecr.RepositoryEncryption.KMS,
            encryption_key=key,
            lifecycle_rules=[ecr.LifecycleRule(description="the newest images", max_image_count=IMAGES_KEPT)],
            removal_policy=settings.removal_policy,
            empty_on_delete=settings.destroy_data,
        )
        source = image_source(self, workload)
        role = builder.role_for(self, repository=self.repository, source=source.context)
        build = CustomResource(
            self,
            "Build",
            resource_type="Custom::ContainerImage",
            service_token=builder.service_token,
            service_timeout=Duration.minutes(15),
            properties={
                "ProjectName": builder.project_name,
                "ServiceRole": role.role_arn,
                "SourceBucket": source.context.s3_bucket_name,
                "SourceKey": source.context.s3_object_key,
                "Dockerfile": source.dockerfile,
                "ImageRepositoryUri": self.repository.repository_uri,
                "ImageTag": source.context.asset_hash,
                "BuildArgs": source.build_args,
            },
        )
        build.node.add_dependency(role)
        self.uri = build.get_att_string("ImageUri")
