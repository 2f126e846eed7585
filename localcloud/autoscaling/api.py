"""Application Auto Scaling's API: one JSON 1.1 request in, one answer out."""

from __future__ import annotations

import json
import logging
import uuid
from typing import Any

from localcloud.autoscaling import activities, policies, schedules, targets
from localcloud.autoscaling.service import TARGET, Document, Operation, Service, find, operation_model, target_arn
from localcloud.sagemaker import validation
from localcloud.sagemaker.errors import ApiError, UnknownOperationException, ValidationException
from localcloud.sagemaker.service_model import project

log = logging.getLogger(__name__)

Answer = tuple[int, dict[str, str], bytes]
OPERATIONS: dict[str, Operation] = {
    name: operation
    for module in (targets, policies, schedules, activities)
    for name, operation in module.OPERATIONS.items()
}


class AutoScalingApi:
    """Thread-safe; ``handle`` blocks: it writes to the store and calls SageMaker and CloudWatch."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def handle(self, operation: str, body: bytes, caller: Any) -> Answer:
        """Answer one authorised request: status, headers, body. Never raises."""
        try:
            document = self._perform(operation, body, caller)
        except ApiError as error:
            return _answer(error.status, {"__type": error.code, "message": error.message})
        except Exception:
            log.exception("%s failed", operation)
            return _answer(500, {"__type": "InternalServiceException", "message": "The service failed"})
        return _answer(200, document)

    def resource(self, operation: str, body: bytes) -> str:
        """The ARN that the caller must be allowed the operation on.

        Service Authorization Reference: descriptions take no resource, everything else the scalable target; one that is
        not registered yet has no ARN of its own.
        """
        if operation.startswith("Describe"):
            return "*"
        try:
            request = validation.read_body(body)
        except ApiError:
            return "*"  # which the operation itself refuses
        if isinstance(request.get("ResourceARN"), str):
            return request["ResourceARN"]
        named = (request.get(member) for member in ("ResourceId", "ScalableDimension"))
        target = find(self._service, TARGET, "|".join(str(part) for part in named))
        return target["ScalableTargetARN"] if target else target_arn(self._service.config, "*")

    def _perform(self, operation: str, body: bytes, caller: Any) -> Document:
        model = operation_model(operation)
        if model is None:
            raise UnknownOperationException(f"Application Auto Scaling has no operation {operation!r}")
        if operation not in OPERATIONS:
            raise ValidationException(f"The embedded cloud does not cover the operation {operation}")
        request = validation.check(model.input_shape, validation.read_body(body))
        return project(model.output_shape, OPERATIONS[operation](self._service, caller, request))


def _answer(status: int, document: Document) -> Answer:
    headers = {"Content-Type": "application/x-amz-json-1.1", "x-amzn-RequestId": str(uuid.uuid4())}
    if status >= 400:
        headers["x-amzn-ErrorType"] = document["__type"]
    return status, headers, json.dumps(document, separators=(",", ":")).encode()
