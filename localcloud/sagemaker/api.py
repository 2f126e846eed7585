"""SageMaker's control plane: one JSON 1.1 request in, one answer out.

The gateway has authenticated the caller and checked that it may do the operation on what the request names; what else
the request takes (iam:PassRole on its role, sagemaker:AddTags for its tags) is checked here, through ``authorize``.
"""

from __future__ import annotations

import json
import logging
import uuid

from localcloud.sagemaker import validation
from localcloud.sagemaker.errors import ApiError, UnknownOperationException, ValidationException
from localcloud.sagemaker.resources import OPERATIONS
from localcloud.sagemaker.resources.resource import (
    Authorize,
    Call,
    Caller,
    CloudConfig,
    ControlPlane,
    Document,
    Endpoints,
    Jobs,
)
from localcloud.sagemaker.service_model import operation_model, project
from localcloud.sagemaker.store import Store

log = logging.getLogger(__name__)

Answer = tuple[int, dict[str, str], bytes]


class SageMakerApi:
    """Thread-safe; ``handle`` blocks for as long as the store writes."""

    def __init__(
        self, *, config: CloudConfig, store: Store, jobs: Jobs, endpoints: Endpoints, authorize: Authorize
    ) -> None:
        self._plane = ControlPlane(config=config, store=store, jobs=jobs, endpoints=endpoints, authorize=authorize)

    def handle(self, operation: str, body: bytes, caller: Caller) -> Answer:
        """Answer one request: status, headers, body. Never raises."""
        try:
            document = self._perform(operation, body, caller)
        except ApiError as error:
            return _answer(error.status, {"__type": error.code, "message": error.message})
        except Exception:
            log.exception("%s failed", operation)
            return _answer(500, {"__type": "InternalFailure", "message": "The request processing has failed"})
        return _answer(200, document)

    def _perform(self, operation: str, body: bytes, caller: Caller) -> Document | None:
        model = operation_model(operation)
        if model is None:
            raise UnknownOperationException(f"SageMaker has no operation {operation!r}")
        handler = OPERATIONS.get(operation)
        if handler is None:
            raise ValidationException(f"The embedded cloud does not cover the operation {operation}")
        request = validation.check(model.input_shape, validation.read_body(body))
        result = handler(Call(plane=self._plane, caller=caller), request)
        return project(model.output_shape, result) if model.output_shape else None


def _answer(status: int, document: Document | None) -> Answer:
    body = b"" if document is None else json.dumps(document, separators=(",", ":")).encode()
    headers = {"Content-Type": "application/x-amz-json-1.1", "x-amzn-RequestId": str(uuid.uuid4())}
    if status >= 400 and document is not None:
        headers["x-amzn-ErrorType"] = document["__type"]
    return status, headers, body
