"""Names: those of the APIs, and those that Step Functions took over from the AWS SDK for Java.

https://docs.aws.amazon.com/step-functions/latest/dg/supported-services-awssdk.html: services and members of ``aws-sdk``
integrations are named as in version 2 of that SDK, and so are their errors; the older *optimized* integrations name
their errors as in version 1.
"""

from __future__ import annotations

import re
from functools import lru_cache

import botocore.session

# Where the name in an ARN is not botocore's without its hyphens.
_BOTOCORE_NAMES = {
    "sfn": "stepfunctions",
    "cloudwatchlogs": "logs",
    "eventbridge": "events",
    "cognitoidentityprovider": "cognito-idp",
    "elasticloadbalancingv2": "elbv2",
    "sagemakerruntime": "sagemaker-runtime",
    "applicationautoscaling": "application-autoscaling",
}
# Optimized integrations: prefix of the error name, and the name that stands for every error without a class of its own.
_OPTIMIZED_ERRORS = {
    "sagemaker": ("SageMaker", "AmazonSageMakerException"),
    "lambda": ("Lambda", "AWSLambdaException"),
    "sqs": ("SQS", "AmazonSQSException"),
    "sns": ("SNS", "AmazonSNSException"),
    "dynamodb": ("DynamoDB", "AmazonDynamoDBException"),
    "events": ("EventBridge", "AmazonEventBridgeException"),
    "stepfunctions": ("StepFunctions", "AWSStepFunctionsException"),
}


@lru_cache(maxsize=1)
def _available() -> dict[str, str]:
    return {name.replace("-", ""): name for name in botocore.session.Session().get_available_services()}


def botocore_service(name: str) -> str | None:
    """botocore's name of a service as an ``aws-sdk`` resource ARN spells it, or None."""
    return _BOTOCORE_NAMES.get(name) or _available().get(name)


@lru_cache(maxsize=4096)
def sdk_name(member: str) -> str:
    """A member as Step Functions spells it: capitalised, acronyms folded (``KMSKeyId`` -> ``KmsKeyId``)."""
    folded = re.sub(r"[A-Z]{2,}(?=[A-Z][a-z])|[A-Z]{2,}(?![a-z])", lambda run: run[0].capitalize(), member)
    return folded[:1].upper() + folded[1:]


def sdk_prefix(service_id: str) -> str:
    """The prefix of an ``aws-sdk`` integration's errors, from botocore's service id (``SFN`` -> ``Sfn``)."""
    return "".join(sdk_name(word) for word in re.split(r"[\s-]+", service_id))


def optimized_names(service: str) -> tuple[str, str]:
    """Error prefix and the name for errors without a class of their own, for an optimized integration."""
    return _OPTIMIZED_ERRORS[service]


def exception_class(code: str) -> str:
    """The class that the SDK makes of a modelled error code (``ResourceInUse`` -> ``ResourceInUseException``)."""
    if code.endswith("Fault"):
        return code.removesuffix("Fault") + "Exception"
    return code if code.endswith("Exception") else code + "Exception"
