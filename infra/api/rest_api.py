"""The HTTP interface: `docs/contract.md`, "API"."""

from __future__ import annotations

import json

from aws_cdk import RemovalPolicy
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.nag import acknowledge
from infra.names import stage_prefix
from infra.settings import Settings

ERRORS = {
    "ACCESS_DENIED": ("403", "forbidden", "The API key may not use this."),
    "INVALID_API_KEY": ("403", "forbidden", "The header x-api-key is missing or its key is not known."),
    "MISSING_AUTHENTICATION_TOKEN": ("404", "not_found", "There is no such route or method."),
    "RESOURCE_NOT_FOUND": ("404", "not_found", "There is no such route."),
    "THROTTLED": ("429", "too_many_requests", "Too many requests a second: slow down."),
    "QUOTA_EXCEEDED": ("429", "quota_exceeded", "The API key's quota for today is used up."),
    "REQUEST_TOO_LARGE": ("413", "payload_too_large", "The body is larger than 10 MB."),
    "UNSUPPORTED_MEDIA_TYPE": ("415", "unsupported_media_type", "The content type is not supported."),
    "INTEGRATION_FAILURE": ("502", "bad_gateway", "The function behind the API failed."),
    "INTEGRATION_TIMEOUT": ("504", "timeout", "The model took too long to answer."),
    "DEFAULT_4XX": (None, "bad_request", "The request cannot be handled."),
    "DEFAULT_5XX": (None, "internal_error", "The API failed."),
}
"""What API Gateway answers by itself, in the shape that the functions answer in: type -> status, code, message."""
RETRY_LATER = ("THROTTLED", "QUOTA_EXCEEDED")


class RestApi(Construct):
    """Routes to `describe`, `predict` and `train`. Every method asks for an API key that belongs to the usage plan."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        key: kms.IKey,
        describe: lambda_.IFunction,
        predict: lambda_.IFunction,
        train: lambda_.IFunction,
    ) -> None:
        super().__init__(scope, construct_id)
        name = stage_prefix(settings.stage)
        self.api = self._rest_api(name, settings, self._access_logs(name, settings, key))
        workloads = self.api.root.add_resource("workloads")
        workload = workloads.add_resource("{name}")
        for resource in (workloads, workload):
            resource.add_method("GET", apigateway.LambdaIntegration(describe), api_key_required=True)
        for path, function in (("predictions", predict), ("training-runs", train)):
            resource = workload.add_resource(path)
            resource.add_method("POST", apigateway.LambdaIntegration(function), api_key_required=True)
        self.key = self._usage_plan(name, settings)
        self._answer_in_our_shape()
        self._acknowledge()

    def _access_logs(self, name: str, settings: Settings, key: kms.IKey) -> logs.LogGroup:
        return logs.LogGroup(
            self,
            "AccessLogs",
            log_group_name=f"/aws/apigateway/{name}",
            retention=settings.log_retention,
            encryption_key=key,
            removal_policy=RemovalPolicy.DESTROY,
        )

    def _rest_api(self, name: str, settings: Settings, access_logs: logs.ILogGroup) -> apigateway.RestApi:
        return apigateway.RestApi(
            self,
            "Api",
            rest_api_name=name,
            description="Predictions and training runs of the workloads, and what is deployed",
            endpoint_types=[apigateway.EndpointType.REGIONAL],
            # Every body goes to and from the functions byte by byte: what a request may be is each workload's own.
            binary_media_types=["*/*"],
            # API Gateway writes logs only where the account names it a role to do so.
            cloud_watch_role=True,
            cloud_watch_role_removal_policy=settings.removal_policy,
            deploy_options=apigateway.StageOptions(
                stage_name=settings.stage,
                tracing_enabled=True,
                metrics_enabled=True,
                logging_level=apigateway.MethodLoggingLevel.ERROR,
                data_trace_enabled=False,
                throttling_rate_limit=settings.api.rate_per_second,
                throttling_burst_limit=settings.api.burst,
                access_log_destination=apigateway.LogGroupLogDestination(access_logs),
                access_log_format=apigateway.AccessLogFormat.json_with_standard_fields(
                    caller=False,
                    http_method=True,
                    ip=True,
                    protocol=True,
                    request_time=True,
                    resource_path=True,
                    response_length=True,
                    status=True,
                    user=False,
                ),
            ),
        )

    def _usage_plan(self, name: str, settings: Settings) -> apigateway.IApiKey:
        key = self.api.add_api_key("Key", api_key_name=name, description="For the callers of the API")
        plan = self.api.add_usage_plan(
            "UsagePlan",
            name=name,
            throttle=apigateway.ThrottleSettings(
                rate_limit=settings.api.rate_per_second, burst_limit=settings.api.burst
            ),
            quota=apigateway.QuotaSettings(limit=settings.api.quota_per_day, period=apigateway.Period.DAY),
            api_stages=[apigateway.UsagePlanPerApiStage(api=self.api, stage=self.api.deployment_stage)],
        )
        plan.add_api_key(key)
        return key

    def _answer_in_our_shape(self) -> None:
        for response_type, (status, code, message) in ERRORS.items():
            headers = {"Retry-After": "'1'"} if response_type in RETRY_LATER else None
            self.api.add_gateway_response(
                "".join(part.capitalize() for part in response_type.split("_")),
                type=apigateway.ResponseType.of(response_type),
                status_code=status,
                response_headers=headers,
                templates={"application/json": json.dumps({"error": {"code": code, "message": message}})},
            )

    def _acknowledge(self) -> None:
        acknowledge(
            self,
            {
                "AwsSolutions-APIG2": "the functions check the body: its shape is each workload's own",
                "AwsSolutions-APIG3": "no web ACL by default: callers hold a key with a throttle and a quota",
                "AwsSolutions-APIG4": "callers authenticate by API key, required on every method",
                "AwsSolutions-COG4": "callers are programs with an API key, not users of a user pool",
                "AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/"
                "AmazonAPIGatewayPushToCloudWatchLogs]": "API Gateway checks its logging role against AWS's own policy",
            },
        )
