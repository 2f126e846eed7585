"""Permissions for the autoscaling of the workload's endpoint.

https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling-prerequisites.html lists them.
"""

from __future__ import annotations

from aws_cdk import ArnFormat
from aws_cdk import aws_iam as iam

from infra.context import WorkloadContext
from infra.permissions import allow

_PRINCIPAL = "sagemaker.application-autoscaling.amazonaws.com"
_ROLE = f"aws-service-role/{_PRINCIPAL}/AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"
_KEYS = {"service-namespace": "sagemaker", "scalable-dimension": "sagemaker:variant:DesiredInstanceCount"}


def allow_reading(role: iam.Role) -> None:
    """What scales a variant now."""
    described = ("ScalableTargets", "ScalingPolicies", "ScheduledActions")
    actions = [f"application-autoscaling:Describe{what}" for what in described]
    allow(role, actions, ["*"], wildcard="describing scalable targets has no resource")


def allow_changing(role: iam.Role, context: WorkloadContext) -> None:
    """Scalable targets of endpoint variants, with their policies, alarms and scheduled actions."""
    verbs = ("RegisterScalableTarget", "DeregisterScalableTarget", "PutScalingPolicy", "PutScheduledAction")
    targets = context.stack.format_arn(service="application-autoscaling", resource="scalable-target", resource_name="*")
    allow(
        role,
        [f"application-autoscaling:{verb}" for verb in verbs],
        [targets],
        conditions={"StringEquals": {f"application-autoscaling:{key}": value for key, value in _KEYS.items()}},
        wildcard="a scalable target's ARN has an id of AWS's own; it is bound to SageMaker's variants instead",
    )
    _allow_alarms(role, context)
    # Read in the name of whoever registers a target; github.com/aws-controllers-k8s/community/issues/2110.
    configs = context.sagemaker_arn("endpoint-config", "*")
    allow(role, ["sagemaker:DescribeEndpointConfig"], [configs], wildcard="SageMaker keeps them under ids of its own")
    # The first scalable target of an account makes the role by which Application Auto Scaling then works.
    allow(
        role,
        ["iam:CreateServiceLinkedRole"],
        [context.stack.format_arn(service="iam", region="", resource="role", resource_name=_ROLE)],
        conditions={"StringEquals": {"iam:AWSServiceName": _PRINCIPAL}},
    )


def _allow_alarms(role: iam.Role, context: WorkloadContext) -> None:
    """The alarms of target tracking policies, which are made and deleted with them."""
    endpoint = context.names.prefix
    alarms = context.stack.format_arn(
        service="cloudwatch",
        resource="alarm",
        resource_name=f"TargetTracking-endpoint/{endpoint}/variant/*",
        arn_format=ArnFormat.COLON_RESOURCE_NAME,
    )
    actions = [f"cloudwatch:{action}" for action in ("PutMetricAlarm", "DescribeAlarms", "DeleteAlarms")]
    allow(role, actions, [alarms], wildcard="names end in the variant and an id of AWS's own")
