"""One workload, put together from its manifest. Nothing in here differs between workloads."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from aws_cdk import Stack
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_s3_assets as s3_assets
from aws_cdk import aws_sagemaker as sagemaker
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from infra.batch.batch import Batch
from infra.context import WorkloadContext
from infra.descriptor import SPLIT_VARIANTS, VARIANT, WorkloadParts, descriptor
from infra.documents import to_json, to_parameter
from infra.images.serving_image import ServingImage
from infra.monitoring.alarms import WorkloadAlarms, rollback_alarms
from infra.monitoring.monitoring import Monitoring
from infra.names import WorkloadNames, bucket_name
from infra.rollout.rollout import Rollout
from infra.settings import Settings
from infra.stacks.platform import PlatformStack
from infra.training.code import TrainingCode
from infra.training.training import Training
from infra.workloads import MANIFEST, SAMPLE_REQUEST, Workload

NOT_CODE = [MANIFEST, "__pycache__", "*.pyc"]


class MissingProgram(FileNotFoundError):
    """A program of the project's own that jobs start, such as `training_code/entrypoint`, does not exist."""


class WorkloadStack(Stack):
    """Its image, its training and its rollout, and who is told when they fail."""

    def __init__(self, scope: Construct, *, settings: Settings, platform: PlatformStack, workload: Workload) -> None:
        names = WorkloadNames(stage=settings.stage, workload=workload.name)
        super().__init__(scope, names.prefix, description=f"Slipway workload: {workload.name}")
        self.add_stack_dependency(platform, "its buckets are referred to by name")
        context = self._context(settings, platform, workload, names)
        self._model_package_group(context)
        image = ServingImage(
            self,
            "ServingImage",
            workload=workload,
            name=names.prefix,
            builder=platform.image_builder,
            key=context.key,
            settings=settings,
        )
        code = self._code(workload)
        rollout_manifest = workload.manifest.rollout
        variants = SPLIT_VARIANTS if rollout_manifest.strategy == "ab" else (VARIANT,)
        alarm_names = rollback_alarms(names, rollout_manifest, variants, workload.manifest.monitoring)
        training = Training(
            self,
            "Training",
            context=context,
            code=code,
            serving_image=image,
            model_package_group=names.prefix,
        )
        rollout = Rollout(
            self,
            "Rollout",
            context=context,
            repository=image.repository,
            model_package_group=names.prefix,
            alarm_names=alarm_names,
        )
        batch = Batch(self, "Batch", context=context, repository=image.repository)
        monitoring = self._monitoring(context, image)
        parts = WorkloadParts(
            code=code,
            serving_image=image,
            training=training,
            rollout=rollout,
            batch=batch,
            monitoring=monitoring,
            alarm_names=alarm_names,
        )
        self._alarms(context, parts, variants)
        self._describe(context, parts)

    def _model_package_group(self, context: WorkloadContext) -> None:
        group = sagemaker.CfnModelPackageGroup(
            self,
            "Models",
            model_package_group_name=context.names.prefix,
            model_package_group_description=context.workload.manifest.description,
        )
        group.apply_removal_policy(context.settings.removal_policy)

    def _alarms(self, context: WorkloadContext, parts: WorkloadParts, variants: Sequence[str]) -> None:
        manifest, monitoring = context.workload.manifest, parts.monitoring
        WorkloadAlarms(
            self,
            "Alarms",
            names=context.names,
            rollout=manifest.rollout,
            variants=variants,
            monitoring=manifest.monitoring,
            dead_letter_queues={
                "objects": parts.training.trigger.dead_letters,
                "approvals": parts.rollout.dead_letters,
                **({"monitoring": monitoring.dead_letters} if monitoring else {}),
            },
            machines={
                "train": parts.training.machine.state_machine,
                "rollout": parts.rollout.machine.state_machine,
                **({"monitor": monitoring.machine.state_machine} if monitoring else {}),
            },
            topic=context.alerts_topic,
        )

    def _context(
        self, settings: Settings, platform: PlatformStack, workload: Workload, names: WorkloadNames
    ) -> WorkloadContext:
        return WorkloadContext(
            stack=self,
            workload=workload,
            names=names,
            settings=settings,
            key=kms.Key.from_key_arn(self, "Key", platform.key.key_arn),
            data_bucket=s3.Bucket.from_bucket_name(self, "Data", bucket_name(settings.stage, "data")),
            artifact_bucket=s3.Bucket.from_bucket_name(self, "Artifacts", bucket_name(settings.stage, "artifacts")),
            alerts_topic=platform.alerts_topic,
        )

    def _monitoring(self, context: WorkloadContext, image: ServingImage) -> Monitoring | None:
        manifest = context.workload.manifest.monitoring
        if manifest is None:
            return None
        return Monitoring(
            self,
            "Monitoring",
            context=context,
            manifest=manifest,
            program=self._program("Monitor", context.workload.roots.inference / "monitor"),
            repository=image.repository,
        )

    def _code(self, workload: Workload) -> TrainingCode:
        own = workload.manifest.training.own_image
        return TrainingCode(
            entrypoint=self._program("Entrypoint", workload.roots.training / "entrypoint"),
            code=s3_assets.Asset(self, "Code", path=str(workload.training_folder), exclude=NOT_CODE),
            starter=self._starter(workload),
            evaluator=self._program("Evaluator", workload.roots.inference / "evaluator") if own else None,
        )

    def _starter(self, workload: Workload) -> s3_assets.Asset | None:
        """Training jobs of a tuning job start the driver by it; an image of one's own starts its `train`."""
        if not workload.manifest.tuning or workload.manifest.training.own_image:
            return None
        return s3_assets.Asset(self, "Starter", path=str(workload.roots.training / "entrypoint" / "start.py"))

    def _program(self, construct_id: str, folder: Path) -> s3_assets.Asset:
        """A zip application: jobs start it as it is."""
        if not (folder / "__main__.py").is_file():
            raise MissingProgram(f"{folder.parent.name}/{folder.name}/__main__.py does not exist: jobs start it")
        return s3_assets.Asset(self, construct_id, path=str(folder), exclude=NOT_CODE)

    def _describe(self, context: WorkloadContext, parts: WorkloadParts) -> None:
        sample = len(to_json(context.workload.sample_request))
        shorten = f"{SAMPLE_REQUEST} ({sample:,}), or the manifest's hyperparameters, metrics or steps"
        ssm.CfnParameter(
            self,
            "Descriptor",
            name=context.names.descriptor_parameter,
            type="String",
            # A sample request may take it beyond the 4 KB of a standard parameter.
            tier="Intelligent-Tiering",
            value=to_parameter(descriptor(context, parts), stack=self, shorten=shorten),
            description=f"What the workload {context.workload.name} consists of",
        )
