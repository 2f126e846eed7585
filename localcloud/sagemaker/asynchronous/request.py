"""What an InvokeEndpointAsync request says, and where its outputs go.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpointAsync.html
"""

from __future__ import annotations

import base64
import uuid
from collections.abc import Mapping
from functools import cache
from typing import Any

from botocore.model import OperationModel, ServiceModel

from localcloud import clients
from localcloud.sagemaker import validation
from localcloud.sagemaker.errors import ValidationException

Document = dict[str, Any]

_DEFAULT_TTL_SECONDS = 21_600
_DEFAULT_TIMEOUT_SECONDS = 900
_MAX_BODY_BYTES = 128_000  # shape InlinePayload


@cache
def _model() -> OperationModel:
    model = clients.loader().load_service_model("sagemaker-runtime", "service-2")
    return ServiceModel(model, "sagemaker-runtime").operation_model("InvokeEndpointAsync")


def read(endpoint: str, headers: Mapping[str, str], body: bytes) -> Document:
    """The request's members. Args: headers: lower-case names. Raises ValidationException."""
    shape = _model().input_shape
    members: Document = {"EndpointName": endpoint}
    for name, member in shape.members.items():
        text = headers.get(member.serialization.get("name", "").lower())
        if member.serialization.get("location") == "header" and text is not None:
            members[name] = _number(name, text) if member.type_name == "integer" else text
    request = validation.check(shape, members)
    if bool(body) == ("InputLocation" in request):
        raise ValidationException("Exactly one of InputLocation and Body must be specified")
    if not request.get("InputLocation", "s3://").startswith("s3://"):
        raise ValidationException(
            f"InputLocation '{request['InputLocation']}' is not covered: expected s3://bucket/key"
        )
    if len(body) > _MAX_BODY_BYTES:
        raise ValidationException(f"The body has {len(body)} bytes; at most {_MAX_BODY_BYTES} are allowed")
    return {**request, "_Body": base64.b64encode(body).decode()} if body else request


def _number(name: str, text: str) -> int:
    if not text.isdigit():
        raise ValidationException(f"Value '{text}' at '{name}' is not an integer")
    return int(text)


def invocation(request: Document, output: Mapping[str, Any], now: float) -> Document:
    """The request as it waits in the queue. Args: output: the endpoint's AsyncInferenceOutputConfig."""
    identifier = str(uuid.uuid4())
    prefix = "/".join(filter(None, (output["S3OutputPath"].rstrip("/"), request.get("S3OutputPathExtension"))))
    document = {
        **request,
        "InvocationId": identifier,
        "InferenceId": request.get("InferenceId", str(uuid.uuid4())),
        "OutputLocation": f"{prefix.rstrip('/')}/{request.get('Filename', f'{identifier}.out')}",
        "CreationTime": now,
        "ExpiryTime": now + request.get("RequestTTLSeconds", _DEFAULT_TTL_SECONDS),
        "TimeoutSeconds": request.get("InvocationTimeoutSeconds", _DEFAULT_TIMEOUT_SECONDS),
    }
    if "S3FailurePath" in output:
        document["FailureLocation"] = f"{output['S3FailurePath'].rstrip('/')}/{identifier}-error.out"
    return document
