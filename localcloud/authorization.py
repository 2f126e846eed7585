"""Which IAM action on which resources a SageMaker request is.

After the Service Authorization Reference, "Actions, resources, and condition keys for Amazon SageMaker AI".
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_RUNTIME_PATH = re.compile(
    r"^/endpoints/(?P<endpoint>[^/]+)/(?P<what>async-invocations|invocations-response-stream|invocations)$"
)
_RUNTIME_OPERATIONS = {
    "invocations": "InvokeEndpoint",
    "async-invocations": "InvokeEndpointAsync",
    "invocations-response-stream": "InvokeEndpointWithResponseStream",
}
_VERB = re.compile(
    r"^(Create|Describe|Update|Delete|Stop|Start|Put|Get|Retry|BatchDescribe|Associate|Disassociate)(?P<noun>.*)$"
)
# Noun of an operation's name -> request member that names the resource, resource type in its ARN.
_NOUNS = {
    "TrainingJob": ("TrainingJobName", "training-job"),
    "ProcessingJob": ("ProcessingJobName", "processing-job"),
    "TransformJob": ("TransformJobName", "transform-job"),
    "HyperParameterTuningJob": ("HyperParameterTuningJobName", "hyper-parameter-tuning-job"),
    "Model": ("ModelName", "model"),
    "EndpointConfig": ("EndpointConfigName", "endpoint-config"),
    "Endpoint": ("EndpointName", "endpoint"),
    "EndpointWeightsAndCapacities": ("EndpointName", "endpoint"),
    "ModelPackageGroup": ("ModelPackageGroupName", "model-package-group"),
    "ModelPackageGroupPolicy": ("ModelPackageGroupName", "model-package-group"),
    "ModelPackage": ("ModelPackageName", "model-package"),
    "Experiment": ("ExperimentName", "experiment"),
    "Trial": ("TrialName", "experiment-trial"),
    "Pipeline": ("PipelineName", "pipeline"),
    "PipelineExecution": ("PipelineExecutionArn", "pipeline"),
    "PipelineDefinitionForExecution": ("PipelineExecutionArn", "pipeline"),
    "PipelineVersion": ("PipelineArn", "pipeline"),
    "Artifact": ("ArtifactArn", "artifact"),
    "Action": ("ActionName", "action"),
    "Context": ("ContextName", "context"),
    "TrialComponent": ("TrialComponentName", "experiment-trial-component"),
}
_TAGGING = ("AddTags", "DeleteTags", "ListTags")


@dataclass(frozen=True)
class Operation:
    """One request. ``runtime`` tells InvokeEndpoint and its kin from the control plane."""

    name: str
    runtime: bool = False

    @property
    def action(self) -> str:
        return f"sagemaker:{self.name}"


def operation(method: str, path: str, target: str) -> Operation | None:
    """The operation a request asks for: by path for the runtime API, otherwise by ``X-Amz-Target``.

    The path decides first, so that nobody is authorised for one operation by a header and performs another.
    """
    runtime = _RUNTIME_PATH.match(path)
    if runtime:
        return Operation(_RUNTIME_OPERATIONS[runtime["what"]], runtime=True) if method == "POST" else None
    service, _, name = target.partition(".")
    return Operation(name) if method == "POST" and path == "/" and service == "SageMaker" and name else None


def resources(operation: Operation, *, path: str, body: bytes, region: str, account: str) -> list[str]:
    """The ARNs the caller must be allowed the operation on; ``["*"]`` where it takes no resource."""
    prefix = f"arn:aws:sagemaker:{region}:{account}:"
    if operation.runtime:
        match = _RUNTIME_PATH.match(path)
        return [f"{prefix}endpoint/{match['endpoint'].lower()}"] if match else ["*"]
    request = _request(body)
    if operation.name in _TAGGING:
        return [_text(request.get("ResourceArn")) or "*"]
    if operation.name == "CreateModelPackage" and request.get("ModelPackageGroupName"):
        return [f"{prefix}model-package/{_name(request['ModelPackageGroupName'])}/*"]
    match = _VERB.match(operation.name)
    if match is None or match["noun"] not in _NOUNS:
        return ["*"]
    member, resource_type = _NOUNS[match["noun"]]
    # UpdateModelPackage names its package in a member of another name, and StartPipelineExecution its pipeline.
    other = {"UpdateModelPackage": "ModelPackageArn", "StartPipelineExecution": "PipelineName"}.get(operation.name, "")
    found = [_arn(prefix, resource_type, request.get(member) or request.get(other))]
    if operation.name in ("CreateEndpoint", "UpdateEndpoint"):
        found.append(_arn(prefix, "endpoint-config", request.get("EndpointConfigName")))
    return found


def _arn(prefix: str, resource_type: str, name: Any) -> str:
    text = _text(name)
    if text.startswith("arn:"):
        return text
    return f"{prefix}{resource_type}/{text.lower() if resource_type != 'model-package' else text}" if text else "*"


def _name(value: Any) -> str:
    return _text(value).rsplit("/", 1)[-1]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _request(body: bytes) -> Mapping[str, Any]:
    """The request's members; none when it is not a JSON object, which the API itself will refuse."""
    try:
        document = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}
