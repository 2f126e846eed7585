"""What a training job may say about debugging. AWS has closed SageMaker Debugger to new accounts.

DebugHookConfig and TensorBoardOutputConfig have their effect: the container finds the configuration of the hook, and
what it writes goes to S3. ProfilerConfig is kept, since clients send it by default, and ProfilingStatus says that
nothing is profiled. Rules, which are jobs of their own on images of AWS, and remote debugging are refused.
"""

from __future__ import annotations

from typing import Any

from localcloud.sagemaker.errors import ValidationException
from localcloud.sagemaker.limits import require_s3_uri

Document = dict[str, Any]

_RULES = ("DebugRuleConfigurations", "ProfilerRuleConfigurations")
_PLACES = ("DebugHookConfig", "TensorBoardOutputConfig", "ProfilerConfig")


def check_debugger(request: Document) -> None:
    """Raises ValidationException."""
    for member in _RULES:
        if request.get(member):
            raise ValidationException(
                f"The embedded cloud does not cover {member}: it has no images for the rules of SageMaker Debugger"
            )
    if request.get("RemoteDebugConfig", {}).get("EnableRemoteDebug"):
        raise ValidationException("The embedded cloud does not cover RemoteDebugConfig: its instances have no shell")
    for member in _PLACES:
        if uri := request.get(member, {}).get("S3OutputPath"):
            require_s3_uri(uri, f"{member[0].lower()}{member[1:]}.s3OutputPath")


def profiling_status(request: Document) -> Document:
    """The member that DescribeTrainingJob answers for a job that was sent a ProfilerConfig."""
    return {"ProfilingStatus": "Disabled"} if "ProfilerConfig" in request else {}
