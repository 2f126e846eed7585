"""Training of one workload: its roles, its functions, its state machine and what starts it."""

from __future__ import annotations

import math

from aws_cdk import Aws, Duration
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.context import WorkloadContext
from infra.images.managed import ManagedImage
from infra.images.serving_image import ServingImage
from infra.machine import Machine, allow_jobs
from infra.manifest_tuning import Tuning
from infra.permissions import allow
from infra.sagemaker_role import SageMakerRole
from infra.training.checks import DataChecks
from infra.training.code import TrainingCode
from infra.training.failures import FailureReport
from infra.training.processing import Processing
from infra.training.requests_table import RequestsTable
from infra.training.state_machine import TrainStates
from infra.training.trigger import TrainingTrigger
from infra.workload_function import WorkloadFunction

FUNCTION_TIMEOUT = Duration.seconds(30)
VERSIONS = "SageMaker numbers the versions of the workload's own group"


class Training(Construct):
    """From objects in the data bucket to model packages in `model_package_group`."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        context: WorkloadContext,
        code: TrainingCode,
        serving_image: ServingImage,
        model_package_group: str,
    ) -> None:
        super().__init__(scope, construct_id)
        self._context = context
        self.image_uri, repository_arn = self._image(serving_image)
        checks = context.workload.manifest.data.checks
        self.checks = (
            DataChecks(self, "Checks", context=context, checks=checks, serving_image=serving_image) if checks else None
        )
        steps = context.workload.manifest.processing
        self.processing = Processing(self, "Processing", context=context, code=code) if steps else None
        self.training_role = self._training_role(code, repository_arn)
        self.evaluation_role = self._evaluation_role(code, serving_image.repository.repository_arn)
        self.requests = RequestsTable(self, "Requests", context=context)
        self.machine = self._machine(model_package_group)
        self.trigger = TrainingTrigger(
            self, "Trigger", context=context, machine=self.machine.state_machine, requests=self.requests.table
        )

        FailureReport(
            self,
            "Failures",
            context=context,
            machine=self.machine.state_machine,
            dead_letters=self.trigger.dead_letters,
        )

    def _image(self, serving_image: ServingImage) -> tuple[str, str]:
        """URI and repository ARN of the image that trains: the one that serves, where it is the workload's own."""
        training = self._context.workload.manifest.training
        if training.own_image:
            return serving_image.uri, serving_image.repository.repository_arn
        image = ManagedImage(
            self, "Image", image=training.image, instance_type=training.instance.type, section="training"
        )
        return image.uri, image.repository_arn

    def _training_role(self, code: TrainingCode, repository_arn: str) -> iam.Role:
        context, prefix = self._context, self._context.data_prefix
        role = SageMakerRole(
            self,
            "TrainingRole",
            log_group="/aws/sagemaker/TrainingJobs",
            namespace="/aws/sagemaker/TrainingJobs",
            repository_arns=[repository_arn],
            key=context.key,
        )
        written = [f"{prefix}training/", f"{prefix}checkpoints/"]
        if not context.workload.manifest.training.own_image:
            role.allow_reading_assets(code.of_training)
        role.allow_reading(context.data_bucket, [prefix])
        role.allow_reading(context.artifact_bucket, [*written, *self._channels])
        role.allow_writing(context.artifact_bucket, written)
        # A checkpoint that the script deletes goes from S3 as well.
        role.allow_deleting(context.artifact_bucket, [f"{prefix}checkpoints/"])
        return role.role

    def _evaluation_role(self, code: TrainingCode, repository_arn: str) -> iam.Role:
        context, prefix = self._context, self._context.data_prefix
        role = SageMakerRole(
            self,
            "EvaluationRole",
            log_group="/aws/sagemaker/ProcessingJobs",
            namespace="/aws/sagemaker/ProcessingJobs",
            repository_arns=[repository_arn],
            key=context.key,
        )
        role.allow_reading(context.data_bucket, [prefix])
        if code.evaluator:
            role.allow_reading_assets([code.evaluator])
        role.allow_reading(context.artifact_bucket, [f"{prefix}training/", *self._channels])
        role.allow_writing(context.artifact_bucket, [f"{prefix}evaluation/"])
        return role.role

    @property
    def _channels(self) -> list[str]:
        """Where, in the artifact bucket, outputs of processing steps and the lists of good files lie."""
        checked = [] if self.checks is None else [self._context.checks_prefix]
        return checked if self.processing is None else [*checked, self._context.processed_prefix]

    def _machine(self, model_package_group: str) -> Machine:
        context, manifest = self._context, self._context.workload.manifest
        plan, gate = self._plan_function(model_package_group), self._gate_function()
        states = TrainStates(
            partition=Aws.PARTITION,
            workload=context.workload.name,
            plan_function_arn=plan.function.function_arn,
            gate_function_arn=gate.function.function_arn,
            check_seconds=self.checks.checks.max_runtime_seconds if self.checks else None,
            processing_seconds={step.name: step.max_runtime_seconds for step in manifest.processing},
            training_seconds=manifest.training.spot_max_wait_seconds or manifest.training.max_runtime_seconds,
            tuning_rounds=_rounds(manifest.tuning),
            evaluation_seconds=manifest.evaluation.max_runtime_seconds,
        )
        machine = Machine(
            self,
            "Machine",
            name=context.names.train_machine,
            definition=states.definition(),
            functions=[plan.function.function_arn, gate.function.function_arn],
            alerts_topic_arn=None,
            key=context.key,
            log_retention=context.settings.log_retention,
        )
        self._allow_jobs(machine)
        arn, group = context.sagemaker_arn, model_package_group
        registered = [arn("model-package", f"{group}/*"), arn("model-package-group", group)]
        allow(machine.role, ["sagemaker:CreateModelPackage"], registered, wildcard=VERSIONS)
        machine.allow_passing([self.training_role, self.evaluation_role, *self._processing_roles(machine)])
        return machine

    def _processing_roles(self, machine: Machine) -> list[iam.IRole]:
        """Lets the machine run the data check and the processing steps; the roles that their jobs have."""
        parts = [part for part in (self.checks, self.processing) if part is not None]
        for part in parts:
            part.allow_jobs(machine.role, self._context)
        return [part.role for part in parts]

    def _allow_jobs(self, machine: Machine) -> None:
        """What `.sync` needs: to start, follow and stop the job, and the rule that tells it of the job's end."""
        names, arn = self._context.names, self._context.sagemaker_arn
        training = ("Training", "training-job", names.job_pattern, "TrainingJobs")
        tuning = ("HyperParameterTuning", "hyper-parameter-tuning-job", names.tuning_pattern, "TuningJobs")
        evaluation = ("Processing", "processing-job", names.processing_pattern("eval"), "ProcessingJobs")
        jobs = [tuning if self._context.workload.manifest.tuning else training, evaluation]
        for kind, resource, name, _ in jobs:
            allow_jobs(machine.role, kind, [arn(resource, name)])
        allow(
            machine.role,
            ["events:DescribeRule", "events:PutRule", "events:PutTargets"],
            [
                self._context.stack.format_arn(
                    service="events", resource="rule", resource_name=f"StepFunctionsGetEventsForSageMaker{rule}Rule"
                )
                for *_, rule in jobs
            ],
        )

    def _plan_function(self, model_package_group: str) -> WorkloadFunction:
        context = self._context
        function = WorkloadFunction(
            self,
            "Plan",
            context=context,
            verb_noun="plan_training",
            timeout=FUNCTION_TIMEOUT,
            environment={"REQUESTS_TABLE": self.requests.table.table_name},
        )
        allow(function.role, ["dynamodb:GetItem"], [self.requests.table.table_arn])
        allow(function.role, ["kms:Decrypt"], [context.key.key_arn])
        listed = {"StringLike": {"s3:prefix": f"{context.data_prefix}*"}}
        allow(function.role, ["s3:ListBucketVersions"], [context.data_bucket.bucket_arn], conditions=listed)
        none = "sagemaker:ListModelPackages has no resource"
        allow(function.role, ["sagemaker:ListModelPackages"], ["*"], wildcard=none)
        packages = context.sagemaker_arn("model-package", f"{model_package_group}/*")
        allow(function.role, ["sagemaker:DescribeModelPackage"], [packages], wildcard=VERSIONS)
        # What serves is the model to beat.
        allow(function.role, ["sagemaker:DescribeEndpoint"], [context.sagemaker_arn("endpoint", context.names.prefix)])
        configs = context.sagemaker_arn("endpoint-config", context.names.version_pattern)
        allow(function.role, ["sagemaker:DescribeEndpointConfig"], [configs], wildcard=VERSIONS)
        below = {"StringLike": {"s3:prefix": f"{context.data_prefix}training/*"}}
        allow(function.role, ["s3:ListBucket"], [context.artifact_bucket.bucket_arn], conditions=below)
        return function

    def _gate_function(self) -> WorkloadFunction:
        context, bucket = self._context, self._context.artifact_bucket
        evaluation, verdicts = f"{context.data_prefix}evaluation/*", f"{context.data_prefix}verdicts/*"
        models = f"{context.data_prefix}training/*"
        function = WorkloadFunction(self, "Gate", context=context, verb_noun="decide_gate", timeout=FUNCTION_TIMEOUT)
        role, below = function.role, "object keys below the workload's own prefix"
        read = [bucket.arn_for_objects(keys) for keys in (evaluation, models)]
        allow(role, ["s3:GetObject"], read, wildcard=below)
        listed = {"StringLike": {"s3:prefix": evaluation}}
        allow(role, ["s3:ListBucket"], [bucket.bucket_arn], conditions=listed)
        allow(role, ["s3:PutObject"], [bucket.arn_for_objects(verdicts)], wildcard=below)
        allow(role, ["kms:Decrypt", "kms:GenerateDataKey"], [context.key.key_arn])
        return function


def _rounds(tuning: Tuning | None) -> int | None:
    """How many training jobs of a tuning job run one after the other, at most."""
    return None if tuning is None else math.ceil(tuning.max_jobs / tuning.max_parallel_jobs)
