"""What every kind of step does: begin, look at itself, stop. ``execution`` calls these on its own thread."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from localcloud.sagemaker.jobs.role import Role, RoleRefused
from localcloud.sagemaker.pipelines import retries
from localcloud.sagemaker.pipelines.definition import Plan, Step
from localcloud.sagemaker.pipelines.expressions import Scope, Unresolvable, select
from localcloud.sagemaker.pipelines.record import ExecutionRecord
from localcloud.sagemaker.resources.resource import Call

Document = dict[str, Any]


class StepFailed(Exception):
    """The step fails; the message is its FailureReason. ``kind`` is what a retry policy may name."""

    def __init__(self, reason: str, kind: str | None = None) -> None:
        super().__init__(reason[:1024])
        self.reason, self.kind = reason[:1024], kind


class Action(Protocol):
    """Carries out the steps of some types."""

    def begin(self, step: Step, execution: Document, scope: Scope) -> None:
        """Start the step and record it. Raises StepFailed, Unresolvable."""

    def watch(self, step: Step, record: Document) -> None:
        """Record what has become of a step that runs. Raises StepFailed."""

    def stop(self, step: Step, record: Document) -> None:
        """Begin to stop a step that runs."""


@dataclass(frozen=True, kw_only=True)
class Context:
    """What the actions of one execution work with. ``call`` is SageMaker itself; ``role`` that of the pipeline."""

    call: Call
    role: Role
    plan: Plan
    record: ExecutionRecord
    wake: Callable[[], None]

    def perform(self, service: str, operation: str, **arguments: Any) -> Document:
        """One call as the pipeline's role; the answer with times as ISO 8601. Raises StepFailed."""
        try:
            answer = self.role.client(service)._make_api_call(operation, arguments)
        except ClientError as error:
            raise StepFailed(_refused(service, operation, error), retries.of_call(error)) from error
        except RoleRefused as error:
            raise StepFailed(f"ClientError: {error}") from error
        except BotoCoreError as error:
            raise StepFailed(f"ClientError: Failed to invoke {service}:{operation}. Error Details: {error}") from error
        answer.pop("ResponseMetadata", None)
        return answer

    def scope(self, execution: Document, **names: str) -> Scope:
        """What the expressions of a step may name now. ``names`` are execution variables of the step's own."""
        identifier = execution["PipelineExecutionArn"].rpartition("/")[2]
        variables = {
            "StartDateTime": _iso(execution["CreationTime"]),
            "CurrentDateTime": _iso(self.call.plane.now()),
            "PipelineName": execution["_PipelineName"],
            "PipelineArn": execution["PipelineArn"],
            "PipelineExecutionId": identifier,
            "PipelineExecutionArn": execution["PipelineExecutionArn"],
            **names,
        }

        def properties(step: str) -> Any:
            record = execution["_Steps"].get(step, {})
            if record.get("StepStatus") != "Succeeded":
                raise Unresolvable(f"step {step} has no properties: it has not succeeded")
            return record.get("_Properties", {})

        return Scope(
            parameters=execution["_Parameters"],
            execution=variables,
            properties=properties,
            property_file=lambda step, name: self._json_object(self._property_file(properties(step), step, name)),
            json_object=self._json_object,
        )

    def _property_file(self, properties: Document, step: str, name: str) -> str:
        declared = self.plan.steps[step].document.get("PropertyFiles") or []
        file = next((file for file in declared if file.get("PropertyFileName") == name), None)
        if file is None:
            raise Unresolvable(f"step {step} declares no property file {name}")
        path = f"ProcessingOutputConfig.Outputs['{file['OutputName']}'].S3Output.S3Uri"
        return f"{select(properties, path, f'property file {name}').rstrip('/')}/{file['FilePath']}"

    def _json_object(self, uri: str) -> Any:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        body = self.perform("s3", "GetObject", Bucket=bucket, Key=key)["Body"].read()
        try:
            return json.loads(body)
        except ValueError as error:
            raise Unresolvable(f"{uri} is no JSON: {error}") from error


def plain(answer: Document) -> Document:
    """An answer as JSON has it."""
    return json.loads(json.dumps(answer, default=lambda moment: moment.isoformat()))


def _refused(service: str, operation: str, error: ClientError) -> str:
    return f"ClientError: Failed to invoke {service}:{operation}. Error Details: {error.response['Error']['Message']}"


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
