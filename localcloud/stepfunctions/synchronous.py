"""The ``.sync`` pattern: start something, wait for its end, and stop it when the task is no longer wanted.

https://docs.aws.amazon.com/step-functions/latest/dg/connect-to-resource.html#connect-sync
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from localcloud.stepfunctions.calls import Api
from localcloud.stepfunctions.changes import Changes
from localcloud.stepfunctions.errors import TASK_FAILED, TaskError

log = logging.getLogger(__name__)

# How soon it is seen that a task is not wanted any more.
_POLL_SECONDS = 0.2
# What `changes` tells of is asked for again after so many polls all the same.
_POLLS_UNTOLD = 25
# https://docs.aws.amazon.com/step-functions/latest/dg/connect-sagemaker.html: the tag that .sync adds to a job.
_MANAGED_TAG = {"Key": "MANAGED_BY_AWS", "Value": "STARTED_BY_STEP_FUNCTIONS"}


@dataclass(frozen=True, kw_only=True)
class Waitable:
    """Something that a call starts and another describes. ``name`` is the member of both that identifies it; ``told``:
    its end is told by ``changes``; ``arn_type``: its type in ARNs, of what Step Functions tags.
    """

    noun: str
    start: str
    describe: str
    stop: str
    status: str
    name: str
    succeeded: frozenset[str]
    finished: frozenset[str]
    rule: str
    arn_type: str | None = None
    told: bool = True


def _job(noun: str, rule: str, arn_type: str) -> Waitable:
    return Waitable(
        noun=noun,
        start=f"Create{noun}",
        describe=f"Describe{noun}",
        stop=f"Stop{noun}",
        status=f"{noun}Status",
        name=f"{noun}Name",
        succeeded=frozenset({"Completed"}),
        finished=frozenset({"Completed", "Failed", "Stopped"}),
        rule=f"StepFunctionsGetEventsForSageMaker{rule}Rule",
        arn_type=arn_type,
    )


JOBS = {
    "createTrainingJob": _job("TrainingJob", "TrainingJobs", "training-job"),
    "createProcessingJob": _job("ProcessingJob", "ProcessingJobs", "processing-job"),
    "createTransformJob": _job("TransformJob", "TransformJobs", "transform-job"),
    "createHyperParameterTuningJob": _job("HyperParameterTuningJob", "TuningJobs", "hyper-parameter-tuning-job"),
}
EXECUTION = Waitable(
    noun="Execution",
    start="StartExecution",
    describe="DescribeExecution",
    stop="StopExecution",
    status="status",
    name="executionArn",
    succeeded=frozenset({"SUCCEEDED"}),
    finished=frozenset({"SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"}),
    rule="StepFunctionsGetEventsForStepFunctionsExecutionRule",
    told=False,
)


def run(api: Api, what: Waitable, parameters: Mapping[str, Any], changes: Changes) -> dict[str, Any]:
    """Start it and return its final description. Raises TaskError: States.TaskFailed with the description as cause."""
    request = dict(parameters)
    if what.arn_type:
        request["Tags"] = [*(request.get("Tags") or []), _MANAGED_TAG]
    seen = changes.count
    started = api.call(what.start, request)
    handle = {what.name: started.get(what.name, request.get(what.name))}
    while True:
        _wait(api, what, handle, lambda seconds, seen=seen: changes.wait(seen, seconds))
        seen = changes.count
        description = api.call(what.describe, handle)
        if description[what.status] in what.finished:
            break
    if description[what.status] not in what.succeeded:
        raise TaskError(TASK_FAILED, json.dumps(description))
    return description


def _wait(api: Api, what: Waitable, handle: dict[str, Any], is_news: Callable[[float], bool]) -> None:
    """Returns when it may have ended. Raises TaskError once the task is not wanted any more."""
    for _ in range(_POLLS_UNTOLD if what.told else 1):
        if api.task.cancelled():
            _stop(api, what, handle)
            raise TaskError(TASK_FAILED, f"the {what.noun} {handle[what.name]} was stopped with its task")
        if is_news(_POLL_SECONDS):
            return


def _stop(api: Api, what: Waitable, handle: dict[str, Any]) -> None:
    """Best effort, as AWS documents it: a role that may not stop leaves the job running."""
    try:
        api.call(what.stop, handle)
    except TaskError as error:
        log.warning("cannot stop the %s %s: %s", what.noun, handle[what.name], error)
