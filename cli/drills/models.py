"""A faulty model in the registry, approved, and the rollout that has to turn it away."""

from __future__ import annotations

import secrets
import time
from typing import Any

from cli import history, runs
from cli.drills import image
from cli.drills.drill import Result
from cli.drills.faults import Fault
from cli.drills.stage import Stage
from cli.drills.traffic import MARK
from cli.errors import CliError

ROLLOUT_LIMIT_SECONDS = 1800.0
_TOLD = {
    "CreateModel": "rollout begins",
    "UpdateEndpoint": "update asked for",
    "UpdateWeights": "weights asked for",
    "AlarmWent": "detected by the machine: an alarm is on",
    "Worse": "detected by the machine: worse than the model beside it",
    "NotServing": "detected by the machine: the new model does not serve",
    "EndpointFailed": "detected by the machine: the endpoint failed",
    "Retreat": "going back: all traffic to the old variant",
    "Restore": "going back: the config of before",
    "Reject": "the version is rejected",
}
"""States of the rollout machine that a person wants to see."""
_TURNED_AWAY = {"NotServing", "AlarmWentOff", "WorseThanBefore", "EndpointFailed"}
_WATCHES = ("bake_seconds", "interval_seconds", "watch_seconds")


def cannot_watch(stage: Stage) -> str | None:
    """Why the workload's strategy looks at nothing while a new model takes over."""
    rollout = stage.descriptor["rollout"]
    if any(rollout.get(name) for name in _WATCHES):
        return None
    key = next(name for name in _WATCHES if name in rollout)
    return (
        f"its strategy {rollout['strategy']} has {key} 0, so nothing watches a new model under traffic;"
        f" set rollout.{key}, or choose canary or ab"
    )


def play(stage: Stage, fault: Fault, *, seconds: float = 0.0) -> Result:
    """Roll a model with this fault out. `seconds`: how long it sleeps before it answers."""
    answer = stage.traffic.plain()
    document = {"fault": fault.value, "mark": MARK, "seconds": seconds}
    tag = f"drill-{fault.value}-{secrets.token_hex(4)}"
    with image.pushed(stage, tag=tag, fault=document, answer=answer) as uri:
        stage.timeline.add("a faulty model is built")
        before = runs.rollouts(stage.target, stage.descriptor)
        began = stage.timeline.now()
        package = _register(stage, uri, fault)
        execution = runs.await_rollout(stage.target, stage.descriptor, package, before=before)["executionArn"]
        events = _await_end(stage, execution)
    ended = stage.timeline.at(events[-1]["timestamp"])
    return Result(*_judged(stage, package, events), disturbed=(began, ended))


def _register(stage: Stage, image_uri: str, fault: Fault) -> str:
    """A package like the one that serves, but for the image; its ARN."""
    sagemaker, group = stage.target.client("sagemaker"), stage.descriptor["model_package_group"]
    pages = sagemaker.get_paginator("list_model_packages").paginate(ModelPackageGroupName=group)
    version = stage.version()
    serving = next(
        item["ModelPackageArn"]
        for page in pages
        for item in page["ModelPackageSummaryList"]
        if str(item["ModelPackageVersion"]) == version
    )
    specification = sagemaker.describe_model_package(ModelPackageName=serving)["InferenceSpecification"]
    artifact = specification["Containers"][0]["ModelDataUrl"]
    created = sagemaker.create_model_package(
        ModelPackageGroupName=group,
        ModelPackageDescription=f"Drill {fault.value}: passes its smoke test, fails under traffic",
        InferenceSpecification={**specification, "Containers": [{"Image": image_uri, "ModelDataUrl": artifact}]},
        ModelApprovalStatus="Approved",
        CustomerMetadataProperties={"drill": fault.value},
    )["ModelPackageArn"]
    stage.timeline.add(f"version {created.rpartition('/')[2]}, the faulty model, is approved")
    return created


def _await_end(stage: Stage, execution: str) -> list[dict[str, Any]]:
    """The machine's history, once it has ended; what a person wants of it is noted as it comes."""
    states, noted = stage.target.client("stepfunctions"), 0
    deadline = time.monotonic() + ROLLOUT_LIMIT_SECONDS
    while time.monotonic() < deadline:
        running = states.describe_execution(executionArn=execution)["status"] == "RUNNING"
        pages = states.get_paginator("get_execution_history").paginate(executionArn=execution)
        events = [event for page in pages for event in page["events"]]
        steps = history.steps(events)
        for step in (step for step in steps[noted:] if step.name in _TOLD):
            stage.timeline.add(f"rollout: {_TOLD[step.name]}", when=step.entered)
        noted = len(steps)
        if not running:
            return events
        time.sleep(stage.target.poll_seconds)
    raise CliError(f"The rollout {execution} has not ended within {ROLLOUT_LIMIT_SECONDS:.0f} s.")


def _judged(stage: Stage, package: str, events: list[dict[str, Any]]) -> tuple[str, list[str]]:
    failure = history.failure(events)
    if failure is None:
        return "not detected", ["the faulty model was rolled out and nothing noticed"]
    stage.timeline.add(f"the rollout says: {failure.error}: {failure.reason}")
    if failure.error not in _TURNED_AWAY:
        return "failed", [f"the rollout failed for another reason: {failure.error}: {failure.reason}"]
    approval = stage.target.client("sagemaker").describe_model_package(ModelPackageName=package)["ModelApprovalStatus"]
    problems = [] if approval == "Rejected" else [f"the faulty version is still {approval} in the registry"]
    return "rolled back", problems
