"""What SageMaker tells EventBridge about pipeline executions and their steps.

https://docs.aws.amazon.com/sagemaker/latest/dg/automating-sagemaker-with-eventbridge.html
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from localcloud.sagemaker.events import SOURCE, Publish
from localcloud.sagemaker.pipelines.record import EXECUTION
from localcloud.sagemaker.store import Store

Document = dict[str, Any]

_EXECUTION_TYPE = "SageMaker Model Building Pipeline Execution Status Change"
_STEP_TYPE = "SageMaker Model Building Pipeline Execution Step Status Change"
_ENDED = ("Succeeded", "Failed", "Stopped")


class PipelineEventPublisher:
    """Subscribes to a store and publishes the changes of status."""

    def __init__(self, store: Store, publish: Publish) -> None:
        self._publish = publish
        store.subscribe(self._changed)

    def _changed(self, kind: str, before: Document | None, after: Document | None) -> None:
        if kind != EXECUTION or after is None:
            return
        resources = [after["PipelineArn"], after["PipelineExecutionArn"]]
        previous = before["PipelineExecutionStatus"] if before else None
        if previous != after["PipelineExecutionStatus"]:
            self._publish(SOURCE, _EXECUTION_TYPE, _execution(previous, after), resources)
        known = before["_Steps"] if before else {}
        for name, record in after["_Steps"].items():
            previous = known.get(name, {}).get("StepStatus")
            if previous != record["StepStatus"]:
                self._publish(SOURCE, _STEP_TYPE, _step(previous, record, after), resources)


def _execution(previous: str | None, after: Document) -> Document:
    status = after["PipelineExecutionStatus"]
    detail = {
        "pipelineExecutionDisplayName": after.get("PipelineExecutionDisplayName"),
        "pipelineExecutionDescription": after.get("PipelineExecutionDescription"),
        "previousPipelineExecutionStatus": previous,
        "currentPipelineExecutionStatus": status,
        "executionStartTime": _iso(after["CreationTime"]),
        "executionEndTime": _iso(after["LastModifiedTime"]) if status in _ENDED else None,
        "pipelineArn": after["PipelineArn"],
        "pipelineExecutionArn": after["PipelineExecutionArn"],
    }
    return {member: value for member, value in detail.items() if value is not None}


def _step(previous: str | None, record: Document, after: Document) -> Document:
    hit = record.get("CacheHitResult")
    detail = {
        "metadata": _lower(record.get("Metadata", {})),
        "stepStartTime": _iso(record["StartTime"]),
        "stepEndTime": _iso(record["EndTime"]) if "EndTime" in record else None,
        "stepName": record["StepName"],
        "stepType": record["_Type"],
        "previousStepStatus": previous,
        "currentStepStatus": record["StepStatus"],
        "failureReason": record.get("FailureReason"),
        "cacheHitResult": _lower(hit) if hit else None,
        "pipelineArn": after["PipelineArn"],
        "pipelineExecutionArn": after["PipelineExecutionArn"],
    }
    return {member: value for member, value in detail.items() if value is not None}


def _lower(value: Any) -> Any:
    """Members in the case in which events have them: ``trainingJob.arn``."""
    if isinstance(value, dict):
        return {key[:1].lower() + key[1:]: _lower(part) for key, part in value.items()}
    return [_lower(item) for item in value] if isinstance(value, list) else value


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
