"""The API in front of all workloads."""

from __future__ import annotations

from aws_cdk import CfnOutput, Duration, Stack
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from infra.api.rest_api import RestApi
from infra.documents import to_json
from infra.functions import PythonFunction
from infra.names import api_parameter, stage_prefix, workloads_path
from infra.permissions import allow
from infra.settings import Settings
from infra.stacks.platform import PlatformStack

TIMEOUT = Duration.seconds(29)  # where API Gateway gives up
REASON = "the API answers for every workload of the stage: the wildcards end names that start with the stage's prefix"


class ApiStack(Stack):
    """Three functions behind a REST API. They find the workloads by their descriptors, so none is named here."""

    def __init__(self, scope: Construct, *, settings: Settings, platform: PlatformStack) -> None:
        self._prefix = stage_prefix(settings.stage)
        super().__init__(scope, f"{self._prefix}-api", description="Slipway: the API in front of all workloads")
        self._settings = settings
        self._key = kms.Key.from_key_arn(self, "Key", platform.key.key_arn)
        rest = RestApi(
            self,
            "Rest",
            settings=settings,
            key=self._key,
            describe=self._describe_function(),
            predict=self._predict_function(),
            train=self._train_function(),
        )
        self._describe(rest)

    def _predict_function(self) -> lambda_.Function:
        function = self._function("Predict", verb_noun="predict", memory_mb=512)
        self._allow(function, ["sagemaker:InvokeEndpoint"], "endpoint")
        return function.function

    def _describe_function(self) -> lambda_.Function:
        function = self._function("DescribeWorkloads", verb_noun="describe_workloads", memory_mb=256)
        self._allow(function, ["sagemaker:DescribeEndpoint"], "endpoint")
        self._allow(function, ["sagemaker:DescribeEndpointConfig"], "endpoint-config")
        path = self._parameters(workloads_path(self._settings.stage))
        allow(function.role, ["ssm:GetParametersByPath"], [path, f"{path}/*"], wildcard=REASON)
        return function.function

    def _train_function(self) -> lambda_.Function:
        function = self._function("AcceptTraining", verb_noun="accept_training", memory_mb=256)
        bus = self.format_arn(service="events", resource="event-bus", resource_name="default")
        # AWS gives both keys with every PutEvents, so "if it exists" lets nothing else through.
        only = {"StringEqualsIfExists": {"events:source": "slipway", "events:detail-type": "Training Requested"}}
        allow(function.role, ["events:PutEvents"], [bus], conditions=only)
        return function.function

    def _function(self, construct_id: str, *, verb_noun: str, memory_mb: int) -> PythonFunction:
        path = workloads_path(self._settings.stage)
        function = PythonFunction(
            self,
            construct_id,
            verb_noun=verb_noun,
            function_name=f"{self._prefix}-{verb_noun.replace('_', '-')}",
            environment={"SLIPWAY_WORKLOADS_PATH": path},
            key=self._key,
            log_retention=self._settings.log_retention,
            timeout=TIMEOUT,
            memory_mb=memory_mb,
        )
        allow(function.role, ["ssm:GetParameter"], [self._parameters(f"{path}/*")], wildcard=REASON)
        return function

    def _parameters(self, path: str) -> str:
        return self.format_arn(service="ssm", resource="parameter", resource_name=path.removeprefix("/"))

    def _allow(self, function: PythonFunction, actions: list[str], resource: str) -> None:
        arn = self.format_arn(service="sagemaker", resource=resource, resource_name=f"{self._prefix}-*")
        allow(function.role, actions, [arn], wildcard=REASON)

    def _describe(self, rest: RestApi) -> None:
        url = rest.api.url_for_path().rstrip("/")
        document = {
            "rest_api_id": rest.api.rest_api_id,
            "stage": self._settings.stage,
            "url": url,
            "api_key_id": rest.key.key_id,
        }
        ssm.CfnParameter(
            self,
            "Descriptor",
            name=api_parameter(self._settings.stage),
            type="String",
            value=to_json(document),
            description="Where the API is",
        )
        CfnOutput(self, "Url", value=url, description="The API's address; callers send x-api-key")
