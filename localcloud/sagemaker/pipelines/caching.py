"""Step caching: a step that succeeded with the same arguments before is not run again.

https://docs.aws.amazon.com/sagemaker/latest/dg/pipelines-caching.html
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from localcloud.sagemaker.pipelines.definition import Step
from localcloud.sagemaker.pipelines.durations import seconds
from localcloud.sagemaker.pipelines.step_types import CALLBACK, LAMBDA, RESOURCES
from localcloud.sagemaker.store import Query, Store

Document = dict[str, Any]

# What differs between executions and makes no difference to the result.
_IGNORED = ("ExperimentConfig", "Tags")


def key(step: Step, arguments: Any) -> str | None:
    """What a step of the same name must have in common with this one; None when it may not be cached."""
    cachable = step.type in (LAMBDA, CALLBACK) or (step.type in RESOURCES and RESOURCES[step.type].cached)
    if not cachable or not (step.document.get("CacheConfig") or {}).get("Enabled"):
        return None
    members = {member: value for member, value in arguments.items() if member not in _IGNORED}
    extra = [step.document.get(member) for member in ("FunctionArn", "SqsQueueUrl", "OutputParameters")]
    return hashlib.sha256(json.dumps([step.type, members, extra], sort_keys=True, default=str).encode()).hexdigest()


def find(store: Store, execution: Document, step: Step, wanted: str, now: float) -> tuple[str, Document] | None:
    """The latest execution of the same pipeline with such a step, by ARN, and its record of the step."""
    expires = seconds(step.document["CacheConfig"].get("ExpireAfter"))
    for other in store.list("pipeline-execution", Query(parent=execution["_Pipeline"], descending=True)):
        record = other["_Steps"].get(step.name, {})
        hit = record.get("_CacheKey") == wanted and record["StepStatus"] == "Succeeded"
        if hit and "CacheHitResult" not in record and now - record["EndTime"] <= expires:
            return other["PipelineExecutionArn"], record
    return None
