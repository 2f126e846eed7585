"""A training run for a drill: the data of the newest run once more, as a data set of its own."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cli import data, past_runs, runs
from cli.drills.drill import Result
from cli.drills.stage import Stage
from cli.errors import CliError, RunFailed
from cli.progress import Board

NO_RUN = "no run of it has succeeded yet; start one: slipway train"


def newest_run(stage: Stage) -> past_runs.PastRun | None:
    """The newest run that registered a model; None before the first one."""
    states = stage.target.client("stepfunctions")
    for execution in runs.executions(stage.target, stage.descriptor["train_state_machine_arn"], limit=100):
        if execution["status"] == "SUCCEEDED":
            described = states.describe_execution(executionArn=execution["executionArn"])
            return past_runs.PastRun(execution["name"], stage.descriptor, json.loads(described["input"]))
    return None


def no_run(stage: Stage) -> str | None:
    """Why no run can be repeated."""
    return None if newest_run(stage) else NO_RUN


def _required(stage: Stage) -> past_runs.PastRun:
    past = newest_run(stage)
    if past is None:
        raise CliError(f"{stage.descriptor['name']}: {NO_RUN}")
    return past


def copied(stage: Stage) -> str:
    """Copy the newest run's data set, which starts a run; the new data set's name."""
    past = _required(stage)
    dataset = past_runs.copy_dataset(stage.target, past)
    stage.timeline.add(f"data set {dataset} is complete: a run starts")
    return dataset


@dataclass(frozen=True)
class Broken:
    """A data set of which one object's content was replaced."""

    dataset: str
    key: str
    """Of the broken object."""


def with_broken_object(stage: Stage, channel: str, content: bytes) -> Broken:
    """Copy the newest run's data set with the first file of a channel replaced, which starts a run."""
    past, where, dataset = _required(stage), stage.descriptor["data"], data.new_dataset_name()
    # Those beside the channels are the run's request, which a data set of our own has anew.
    below = {item["key"]: item["key"].removeprefix(where["prefix"]).partition("/")[2] for item in past.input["objects"]}
    files = [item for item in past.input["objects"] if below[item["key"]].partition("/")[0] in where["channels"]]
    chosen = next(item for item in files if below[item["key"]].startswith(f"{channel}/"))
    data.write_request(stage.target, stage.descriptor, dataset, past.input["hyperparameters"], objects=len(files))
    s3 = stage.target.client("s3")
    for item in files:
        key = f"{where['prefix']}{dataset}/{below[item['key']]}"
        if item is chosen:
            s3.put_object(Bucket=where["bucket"], Key=key, Body=content)
        else:
            source = {"Bucket": where["bucket"], "Key": item["key"], "VersionId": item["version_id"]}
            s3.copy(source, where["bucket"], key)
    stage.timeline.add(f"data set {dataset} is complete, with a broken {below[chosen['key']]}")
    return Broken(dataset, f"{where['prefix']}{dataset}/{below[chosen['key']]}")


def followed(stage: Stage, begin: Callable[[], str], meanwhile: Callable[[str], None] | None = None) -> Ending:
    """Begin a run and follow it to its end. `begin` gives the data set's name, which `meanwhile` is told."""
    before = runs.names(stage.target, stage.descriptor)
    dataset = begin()
    if meanwhile:
        meanwhile(dataset)
    try:
        with Board(stage.console) as board:
            outcome = runs.follow(stage.target, stage.descriptor, dataset=dataset, before=before, board=board)
    except RunFailed as error:
        stage.timeline.add(f"the run ended: {error.message.splitlines()[0]}")
        return Ending(dataset, None, error.message)
    stage.timeline.add(f"the run ended: version {outcome.model_version}")
    return Ending(dataset, outcome.model_version, "")


@dataclass(frozen=True)
class Ending:
    """How a followed run ended: with a model version, or with a reason."""

    dataset: str
    version: str | None
    reason: str

    def finished(self) -> Result:
        """For a fault that a run has to get over."""
        if self.version:
            return Result("finished")
        return Result("failed", [f"the run did not get over the fault: {self.reason}"])


def executions_of(stage: Stage, dataset: str) -> list[dict[str, Any]]:
    """The executions of the train machine for a data set."""
    found = runs.executions(stage.target, stage.descriptor["train_state_machine_arn"], limit=1000)
    return [item for item in found if item["name"].startswith(f"{dataset}-")]


def machines(stage: Stage) -> list[str]:
    """The ARNs of the state machines that a run goes through."""
    return [stage.descriptor[f"{name}_state_machine_arn"] for name in ("train", "rollout")]


def execution_arns(stage: Stage) -> set[str]:
    """Of both machines."""
    found = (runs.executions(stage.target, machine, limit=1000) for machine in machines(stage))
    return {execution["executionArn"] for executions in found for execution in executions}


def states_that_met(stage: Stage, executions: set[str], error: str) -> list[str]:
    """The states of the executions in which a task ended with `error`, also where it was tried again."""
    states, found = stage.target.client("stepfunctions"), set()
    for execution in executions:
        machine, current = execution.split(":")[6].rpartition("-")[2], ""
        pages = states.get_paginator("get_execution_history").paginate(executionArn=execution)
        for event in (event for page in pages for event in page["events"]):
            current = event.get("stateEnteredEventDetails", {}).get("name", current)
            details = event.get("taskFailedEventDetails") or event.get("lambdaFunctionFailedEventDetails") or {}
            if details.get("error") == error:
                found.add(f"{machine} {current}")
    return sorted(found)
