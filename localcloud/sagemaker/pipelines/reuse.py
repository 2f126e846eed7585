"""A step whose earlier result stands in for it."""

from __future__ import annotations

from typing import Any

from localcloud.sagemaker.pipelines import caching
from localcloud.sagemaker.pipelines.definition import Step
from localcloud.sagemaker.pipelines.step import Context

Document = dict[str, Any]


def reuse(context: Context, step: Step, execution: Document, key: str) -> bool:
    """Whether a step of an earlier execution stood in for this one."""
    found = caching.find(context.call.store, execution, step, key, context.call.plane.now())
    if found is None:
        return False
    source, record = found
    kept = {member: record[member] for member in ("Metadata", "_Properties") if member in record}
    hit = {"SourcePipelineExecutionArn": source}
    context.record.finish(step.name, "Succeeded", CacheHitResult=hit, _CacheKey=key, **kept)
    return True
