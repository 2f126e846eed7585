"""One API call of a task, with the execution role's credentials."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

from localcloud import clients
from localcloud.config import Config
from localcloud.stepfunctions import naming, shapes
from localcloud.stepfunctions.errors import DATA_LIMIT, PERMISSIONS, RUNTIME, TaskError

PRINCIPAL = "states.amazonaws.com"
# https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html: input or output of a task.
_LARGEST_RESULT = 256 * 1024


@dataclass(frozen=True, kw_only=True)
class Task:
    """The running task: whose permissions it uses, and whether it is still wanted."""

    role_arn: str
    session_name: str
    cancelled: Callable[[], bool]


@dataclass(frozen=True, kw_only=True)
class Api:
    """A service as a task names it. ``service`` is botocore's name; ``optimized`` decides names of errors and times."""

    config: Config
    task: Task
    service: str
    optimized: bool

    def call(self, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Perform the operation and return its result as Step Functions shows it. Raises TaskError."""
        client = self._client()
        if operation not in client.meta.service_model.operation_names:
            raise TaskError(RUNTIME, f"{self.service} has no operation {operation}")
        model = client.meta.service_model.operation_model(operation)
        request = shapes.to_members(dict(parameters), model.input_shape)
        answer = self._perform(client, operation, request)
        answer.pop("ResponseMetadata", None)
        rename = (lambda name: name) if self.optimized else naming.sdk_name
        time = shapes.epoch_milliseconds if self.optimized else shapes.iso_time
        result = shapes.to_result(answer, rename=rename, time=time, shape=model.output_shape)
        return _within_limit(result, operation)

    def _client(self) -> Any:
        try:
            return clients.role_client(self.config, self.service, self.task.role_arn, self.task.session_name, PRINCIPAL)
        except clients.AccessDenied as error:
            raise TaskError(PERMISSIONS, str(error)) from error

    def _perform(self, client: Any, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        try:
            return client._make_api_call(operation, request)
        except ParamValidationError as error:
            raise TaskError(RUNTIME, f"The parameters of {self.service}:{operation} are not valid: {error}") from error
        except ClientError as error:
            raise self._failure(client, operation, error) from error
        except BotoCoreError as error:
            raise TaskError(f"{self._prefix(client)}.SdkClientException", str(error)) from error

    def _failure(self, client: Any, operation: str, error: ClientError) -> TaskError:
        code, message = error.response["Error"]["Code"], error.response["Error"].get("Message", "")
        metadata = error.response["ResponseMetadata"]
        modelled = {
            shape.metadata.get("error", {}).get("code", shape.name): shape.name
            for shape in client.meta.service_model.operation_model(operation).error_shapes
        }
        modelled |= {name: name for name in modelled.values()}
        status, request = metadata["HTTPStatusCode"], metadata.get("RequestId", "")
        if self.optimized:
            prefix, otherwise = naming.optimized_names(self.service)
            cause = f"{message} (Service: {prefix}; Status Code: {status}; Error Code: {code}; Request ID: {request})"
        else:
            prefix = self._prefix(client)
            otherwise = f"{prefix}Exception"
            cause = f"{message} (Service: {prefix}, Status Code: {status}, Request ID: {request})"
        name = naming.exception_class(modelled[code]) if code in modelled else otherwise
        return TaskError(f"{prefix}.{name}", cause)

    def _prefix(self, client: Any) -> str:
        if self.optimized:
            return naming.optimized_names(self.service)[0]
        return naming.sdk_prefix(str(client.meta.service_model.service_id))


def _within_limit(result: dict[str, Any], operation: str) -> dict[str, Any]:
    size = len(json.dumps(result).encode())
    if size > _LARGEST_RESULT:
        raise TaskError(
            DATA_LIMIT,
            f"The state/task '{operation}' returned a result with a size exceeding the maximum number of bytes "
            f"service limit ({size} > {_LARGEST_RESULT}).",
        )
    return result
