"""The image that serves one workload: its repository, and its build as part of the deployment."""

from __future__ import annotations

from aws_cdk import CustomResource, Duration, IgnoreMode
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3_assets as s3_assets
from constructs import Construct

from infra.images.builder import ImageBuilder
from infra.settings import Settings
from infra.workloads import Workload

IMAGES_KEPT = 20


class MissingDockerfile(FileNotFoundError):
    """`inference_code/server/Dockerfile` does not exist."""


class ServingImage(Construct):
    """Built from `inference_code/server` and the workload's folder beside it, tagged with the hash of their content.

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
        source = _context(self, workload)
        build = CustomResource(
            self,
            "Build",
            resource_type="Custom::ContainerImage",
            service_token=builder.service_token,
            service_timeout=Duration.minutes(15),
            properties={
                "ProjectName": builder.project_name,
                "SourceBucket": source.s3_bucket_name,
                "SourceKey": source.s3_object_key,
                "ImageRepositoryUri": self.repository.repository_uri,
                "ImageTag": source.asset_hash,
                "BuildArgs": {"WORKLOAD": workload.name},
            },
        )
        build.node.add_dependency(builder.allow(self, name=name, repository=self.repository, source=source))
        self.uri = build.get_att_string("ImageUri")


def _context(scope: Construct, workload: Workload) -> s3_assets.Asset:
    root = workload.roots.inference
    if not (root / "server" / "Dockerfile").is_file():
        raise MissingDockerfile(f"{root.name}/server/Dockerfile does not exist: serving images are built from it")
    keep = [pattern for folder in ("server", workload.name) for pattern in (f"!/{folder}", f"!/{folder}/**")]
    return s3_assets.Asset(
        scope,
        "Context",
        path=str(root),
        exclude=["/*", *keep, "__pycache__", "*.pyc"],
        ignore_mode=IgnoreMode.GIT,
    )
