"""Rollout of one workload's approved models: its role, its functions, its state machine and what starts it."""

from __future__ import annotations

from aws_cdk import ArnFormat, Aws, Duration
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infra.context import WorkloadContext
from infra.machine import Machine
from infra.monitoring.alarms import SLOWER
from infra.permissions import allow, allow_grants
from infra.queues import dead_letter_queue
from infra.rollout import autoscaling
from infra.rollout.state_machine import RolloutStates
from infra.sagemaker_role import SageMakerRole
from infra.workload_function import WorkloadFunction

PLAN_TIMEOUT = Duration.seconds(30)
CHECK_TIMEOUT = Duration.seconds(90)
METRICS = "reading metrics has no resource"
VERSIONS = "names end in the version of a model package of the workload's own group"


class Rollout(Construct):
    """From approved versions in `model_package_group` to the endpoint. `alarm_names` roll an update back."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        context: WorkloadContext,
        repository: ecr.IRepository,
        model_package_group: str,
        alarm_names: list[str],
    ) -> None:
        super().__init__(scope, construct_id)
        self._context = context
        self._group = model_package_group
        self._endpoint_arn = context.sagemaker_arn("endpoint", context.names.prefix)
        self._config_arn = context.sagemaker_arn("endpoint-config", context.names.version_pattern)
        self._model_arn = context.sagemaker_arn("model", context.names.version_pattern)
        self._package_arn = context.sagemaker_arn("model-package", f"{model_package_group}/*")
        self._alarm_arns = [_alarm_arn(context, name) for name in alarm_names]
        self._slower_arns = [_alarm_arn(context, name) for name in alarm_names if name.endswith(SLOWER)]
        self.serving_role = self._serving_role(repository)
        self.machine = self._machine()
        self.dead_letters = dead_letter_queue(
            self, "DeadLetters", name=f"{context.names.prefix}-approvals-dlq", key=context.key
        )
        self._start_on_approval(self.machine.state_machine)

    def _serving_role(self, repository: ecr.IRepository) -> iam.Role:
        context = self._context
        role = SageMakerRole(
            self,
            "ServingRole",
            log_group=f"/aws/sagemaker/Endpoints/{context.names.prefix}",
            namespace="/aws/sagemaker/Endpoints",
            repository_arns=[repository.repository_arn],
            key=context.key,
        )
        role.allow_reading(context.artifact_bucket, [f"{context.data_prefix}training/"])
        if context.workload.manifest.monitoring:
            role.allow_writing(context.artifact_bucket, [context.capture_prefix])
        # Deployment guardrails watch the alarms that roll an update back.
        allow(role.role, ["cloudwatch:DescribeAlarms"], self._alarm_arns)
        return role.role

    def _machine(self) -> Machine:
        context = self._context
        plan, check = self._plan_function(), self._check_function()
        compare, retire = self._compare_function(), self._retire_function()
        states = RolloutStates(
            partition=Aws.PARTITION,
            workload=context.workload.name,
            plan_function_arn=plan.function.function_arn,
            check_function_arn=check.function.function_arn,
            compare_function_arn=compare.function.function_arn,
            retire_function_arn=retire.function.function_arn,
            alerts_topic_arn=context.alerts_topic.topic_arn,
        )
        machine = Machine(
            self,
            "Machine",
            name=context.names.rollout_machine,
            definition=states.definition(),
            functions=[each.function.function_arn for each in (plan, check, compare, retire)],
            alerts_topic_arn=context.alerts_topic.topic_arn,
            key=context.key,
            log_retention=context.settings.log_retention,
        )
        self._allow_endpoint(machine)
        autoscaling.allow_changing(machine.role, context)
        if self._slower_arns:
            allow(machine.role, ["cloudwatch:PutMetricAlarm"], self._slower_arns)
        machine.allow_passing([self.serving_role])
        return machine

    def _allow_endpoint(self, machine: Machine) -> None:
        role = machine.role
        for kind, arn in (("Model", self._model_arn), ("EndpointConfig", self._config_arn)):
            actions = ["sagemaker:AddTags", f"sagemaker:Create{kind}", f"sagemaker:Delete{kind}"]
            allow(role, actions, [arn], wildcard=VERSIONS)
        # Creating and updating an endpoint is authorised on the endpoint and on the config it is given.
        deployed = ["sagemaker:CreateEndpoint", "sagemaker:UpdateEndpoint"]
        allow(role, deployed, [self._endpoint_arn, self._config_arn], wildcard=VERSIONS)
        # Of an endpoint whose config has a key the caller makes the grant, not only the model's role (SageMaker AI
        # developer guide, "Actions, Permissions, and Resources Reference", CreateEndpoint).
        allow_grants(role, self._context.key.key_arn)
        kept = [f"{verb}Endpoint" for verb in ("Delete", "Describe")]
        actions = ["AddTags", "UpdateEndpointWeightsAndCapacities", *kept]
        allow(role, [f"sagemaker:{action}" for action in actions], [self._endpoint_arn])
        # Also because an update that names alarms is refused unless its caller may look at them.
        allow(role, ["cloudwatch:DescribeAlarms"], self._alarm_arns)
        allow(role, ["sagemaker:UpdateModelPackage"], [self._package_arn], wildcard=VERSIONS)

    def _plan_function(self) -> WorkloadFunction:
        context = self._context
        function = WorkloadFunction(self, "Plan", context=context, verb_noun="plan_rollout", timeout=PLAN_TIMEOUT)
        allow(function.role, ["sagemaker:DescribeModelPackage"], [self._package_arn], wildcard=VERSIONS)
        none = "sagemaker:ListModelPackages has no resource"
        allow(function.role, ["sagemaker:ListModelPackages"], ["*"], wildcard=none)
        allow(function.role, ["sagemaker:DescribeEndpoint"], [self._endpoint_arn])
        described = ["sagemaker:DescribeEndpointConfig", "sagemaker:ListTags"]
        allow(function.role, described, [self._config_arn], wildcard=VERSIONS)
        autoscaling.allow_reading(function.role)
        if self._slower_arns:
            allow(function.role, ["cloudwatch:DescribeAlarms"], self._slower_arns)
            allow(function.role, ["cloudwatch:GetMetricData"], ["*"], wildcard=METRICS)
        return function

    def _check_function(self) -> WorkloadFunction:
        function = WorkloadFunction(
            self, "Check", context=self._context, verb_noun="check_rollout", timeout=CHECK_TIMEOUT
        )
        allow(function.role, ["sagemaker:DescribeEndpoint", "sagemaker:InvokeEndpoint"], [self._endpoint_arn])
        allow(function.role, ["sagemaker:DescribeEndpointConfig"], [self._config_arn], wildcard=VERSIONS)
        return function

    def _compare_function(self) -> WorkloadFunction:
        function = WorkloadFunction(
            self, "Compare", context=self._context, verb_noun="compare_variants", timeout=PLAN_TIMEOUT
        )
        allow(function.role, ["cloudwatch:GetMetricData"], ["*"], wildcard=METRICS)
        return function

    def _retire_function(self) -> WorkloadFunction:
        function = WorkloadFunction(
            self, "Retire", context=self._context, verb_noun="retire_models", timeout=CHECK_TIMEOUT
        )
        listed = ["sagemaker:ListEndpointConfigs", "sagemaker:ListModels"]
        allow(function.role, listed, ["*"], wildcard="listing models and endpoint configs has no resource")
        allow(function.role, ["sagemaker:DescribeEndpoint"], [self._endpoint_arn])
        configs = ["sagemaker:DescribeEndpointConfig", "sagemaker:DeleteEndpointConfig"]
        allow(function.role, configs, [self._config_arn], wildcard=VERSIONS)
        allow(function.role, ["sagemaker:DeleteModel"], [self._model_arn], wildcard=VERSIONS)
        return function

    def _start_on_approval(self, machine: sfn.IStateMachine) -> None:
        events.Rule(
            self,
            "Approved",
            description=f"Approved model packages of {self._context.workload.name}",
            event_pattern=events.EventPattern(
                source=["aws.sagemaker"],
                detail_type=["SageMaker Model Package State Change"],
                detail={"ModelPackageGroupName": [self._group], "ModelApprovalStatus": ["Approved"]},
            ),
            targets=[targets.SfnStateMachine(machine, dead_letter_queue=self.dead_letters)],
        )


def _alarm_arn(context: WorkloadContext, name: str) -> str:
    return context.stack.format_arn(
        service="cloudwatch", resource="alarm", resource_name=name, arn_format=ArnFormat.COLON_RESOURCE_NAME
    )
