"""Monitoring of one workload's endpoint: the job's role, its functions, its state machine and its schedule."""

from __future__ import annotations

from aws_cdk import Aws, Duration
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3_assets as s3_assets
from constructs import Construct

from infra.context import WorkloadContext
from infra.machine import Machine, allow_jobs
from infra.manifest_monitoring import Monitoring as MonitoringManifest
from infra.monitoring.alarms import METRICS
from infra.monitoring.state_machine import MonitorStates
from infra.permissions import allow
from infra.queues import dead_letter_queue
from infra.sagemaker_role import SageMakerRole
from infra.workload_function import WorkloadFunction

STEP = "drift"
"""Suffix of the names of its jobs."""
FUNCTION_TIMEOUT = Duration.seconds(90)
BELOW = "object keys below the workload's own prefix"
VERSIONS = "names end in the version of a model package of the workload's own group"


class Monitoring(Construct):
    """Looks every so often at what data capture wrote. `program` is the job's zip application."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        context: WorkloadContext,
        manifest: MonitoringManifest,
        program: s3_assets.Asset,
        repository: ecr.IRepository,
    ) -> None:
        super().__init__(scope, construct_id)
        self._context = context
        self.manifest = manifest
        self.program = program
        self._capture, self._reports = context.capture_prefix, f"{context.data_prefix}monitoring/"
        self._evaluations = f"{context.data_prefix}evaluation/"
        self._labels = f"{context.data_prefix}ground-truth/"
        self.role = self._role(repository)
        self.machine = self._machine()
        self.dead_letters = dead_letter_queue(
            self, "DeadLetters", name=f"{context.names.prefix}-monitoring-dlq", key=context.key
        )
        self._schedule()

    def _role(self, repository: ecr.IRepository) -> iam.Role:
        context = self._context
        role = SageMakerRole(
            self,
            "Role",
            log_group="/aws/sagemaker/ProcessingJobs",
            namespace="/aws/sagemaker/ProcessingJobs",
            repository_arns=[repository.repository_arn],
            key=context.key,
        )
        role.allow_reading_assets([self.program])
        role.allow_reading(context.artifact_bucket, [self._capture, self._reports, self._evaluations])
        role.allow_reading(context.data_bucket, [self._labels])
        role.allow_writing(context.artifact_bucket, [self._reports])
        return role.role

    def _machine(self) -> Machine:
        context = self._context
        plan, publish = self._plan_function(), self._publish_function()
        states = MonitorStates(
            partition=Aws.PARTITION,
            workload=context.workload.name,
            plan_function_arn=plan.function.function_arn,
            publish_function_arn=publish.function.function_arn,
            alerts_topic_arn=context.alerts_topic.topic_arn,
            job_seconds=self.manifest.max_runtime_seconds,
        )
        machine = Machine(
            self,
            "Machine",
            name=context.names.monitor_machine,
            definition=states.definition(),
            functions=[each.function.function_arn for each in (plan, publish)],
            alerts_topic_arn=context.alerts_topic.topic_arn,
            key=context.key,
            log_retention=context.settings.log_retention,
        )
        self._allow_jobs(machine)
        machine.allow_passing([self.role])
        return machine

    def _allow_jobs(self, machine: Machine) -> None:
        context = self._context
        name = context.names.processing_pattern(STEP)
        allow_jobs(machine.role, "Processing", [context.sagemaker_arn("processing-job", name)])
        rule = context.stack.format_arn(
            service="events", resource="rule", resource_name="StepFunctionsGetEventsForSageMakerProcessingJobsRule"
        )
        allow(machine.role, ["events:DescribeRule", "events:PutRule", "events:PutTargets"], [rule])

    def _plan_function(self) -> WorkloadFunction:
        context = self._context
        function = WorkloadFunction(
            self, "Plan", context=context, verb_noun="plan_monitoring", timeout=FUNCTION_TIMEOUT
        )
        role, endpoint = function.role, context.sagemaker_arn("endpoint", context.names.prefix)
        allow(role, ["sagemaker:DescribeEndpoint"], [endpoint])
        configs = context.sagemaker_arn("endpoint-config", context.names.version_pattern)
        allow(role, ["sagemaker:DescribeEndpointConfig"], [configs], wildcard=VERSIONS)
        none = "sagemaker:ListModelPackages has no resource"
        allow(role, ["sagemaker:ListModelPackages"], ["*"], wildcard=none)
        packages = context.sagemaker_arn("model-package", f"{context.names.prefix}/*")
        allow(role, ["sagemaker:DescribeModelPackage"], [packages], wildcard=VERSIONS)
        artifacts = (context.artifact_bucket, [self._capture, self._evaluations])
        for bucket, prefixes in (artifacts, (context.data_bucket, [self._labels])):
            listed = {"StringLike": {"s3:prefix": [f"{prefix}*" for prefix in prefixes]}}
            allow(role, ["s3:ListBucket"], [bucket.bucket_arn], conditions=listed)
        lists = context.artifact_bucket.arn_for_objects(f"{self._reports}*/*.manifest")
        allow(role, ["s3:PutObject"], [lists], wildcard=BELOW)
        allow(role, ["kms:Decrypt", "kms:GenerateDataKey"], [context.key.key_arn])
        return function

    def _publish_function(self) -> WorkloadFunction:
        context, bucket = self._context, self._context.artifact_bucket
        function = WorkloadFunction(
            self, "Publish", context=context, verb_noun="publish_monitoring", timeout=FUNCTION_TIMEOUT
        )
        reports = bucket.arn_for_objects(f"{self._reports}*/report.json")
        allow(function.role, ["s3:GetObject"], [reports], wildcard=BELOW)
        listed = {"StringLike": {"s3:prefix": f"{self._reports}*"}}
        allow(function.role, ["s3:ListBucket"], [bucket.bucket_arn], conditions=listed)
        allow(
            function.role,
            ["cloudwatch:PutMetricData"],
            ["*"],
            conditions={"StringEquals": {"cloudwatch:namespace": METRICS}},
            wildcard="cloudwatch:PutMetricData has no resource, it is bound to a namespace instead",
        )
        allow(function.role, ["kms:Decrypt"], [context.key.key_arn])
        return function

    def _schedule(self) -> None:
        events.Rule(
            self,
            "Schedule",
            description=f"When the requests to {self._context.workload.name} are looked at",
            schedule=events.Schedule.rate(Duration.minutes(self.manifest.every_minutes)),
            targets=[targets.SfnStateMachine(self.machine.state_machine, dead_letter_queue=self.dead_letters)],
        )
