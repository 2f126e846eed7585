"""Follows a run from the object that landed to the endpoint that serves: train machine, model package, rollout machine.

Everything shown is read from AWS: executions, their histories, jobs, logs. Nothing is remembered between commands.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cli import history, jobs
from cli.errors import CliError, RunFailed
from cli.progress import Board, Phase
from cli.target import Target

START_LIMIT_SECONDS = 180.0
TRAIN, ROLLOUT = "train", "rollout"
_REDRIVES = "0123456789abcdefghijklmnopqrstuvwxyz"

# States that a person sees as one step. A state that is not named here is shown under its own name.
_TITLES = {
    TRAIN: {
        "Plan": "plan training",
        "Check": "check the data",
        "Accepted?": "check the data",
        "Refused": "check the data",
        "Train": "train",
        "Tune": "tune",
        "Evaluate": "evaluate",
        "Gate": "gate",
        "Passed?": "gate",
        "Register": "register model",
        "Rejected": "gate",
    },
    ROLLOUT: {
        "Plan": "plan rollout",
        "Superseded": "plan rollout",
        "LookBefore": "look at the alarms",
        "AlarmBefore": "look at the alarms",
        "SetLimit": "look at the alarms",
        "CreateModel": "create model",
        "TakeStep": "roll out",
        "CreateEndpointConfig": "roll out",
        "Release": "roll out",
        "CreateEndpoint": "roll out",
        "UpdateEndpoint": "roll out",
        "UpdateWeights": "roll out",
        "Pause": "roll out",
        "Wait": "roll out",
        "Describe": "roll out",
        "TookTooLong": "roll out",
        "EndpointFailed": "roll out",
        "Check": "check endpoint",
        "NotServing": "check endpoint",
        "RegisterTarget": "put autoscaling on",
        "PutPolicy": "put autoscaling on",
        "PutSchedule": "put autoscaling on",
        "Bake": "watch",
        "Look": "watch",
        "AlarmWent": "watch",
        "Compare": "compare with what served before",
        "Worse": "compare with what served before",
        "Mark": "retire old models",
        "LiftLimit": "retire old models",
        "Retire": "retire old models",
        "RolledOut": "retire old models",
        "FindServing": "look at what serves",
        "PauseBack": "go back to what served before",
        "Retreat": "go back to what served before",
        "ReleaseBack": "go back to what served before",
        "Restore": "go back to what served before",
        "WaitBack": "go back to what served before",
        "DescribeBack": "go back to what served before",
        "ResizeBack": "go back to what served before",
        "RegisterTargetBack": "put autoscaling back",
        "PutPolicyBack": "put autoscaling back",
        "PutScheduleBack": "put autoscaling back",
        "DeleteEndpoint": "clean up",
        "DeleteEndpointConfig": "clean up",
        "DeleteModel": "clean up",
        "Reject": "clean up",
        "LiftLimitBack": "clean up",
        "ReportFailure": "report the failure",
        "Failed": "report the failure",
    },
}


_PASSED = {"Imported?", "StepTaken"}
"""States of no work that stand between others of it: nothing to show."""


@dataclass(frozen=True)
class Outcome:
    """What a followed run came to. `in_service` is False when the model waits for a person's approval."""

    run: str
    training_job: str
    model_package_arn: str
    model_version: str
    metrics: Mapping[str, float]
    endpoint: str
    variant: str
    in_service: bool


def job_name(descriptor: Mapping[str, Any], run: str, redrives: int = 0) -> str:
    """The training job of a run; its processing jobs add `-eval` or a step's name (docs/contract.md, "Names")."""
    return f"{descriptor['job_prefix']}-{_run12(run, redrives)}"


def tuning_job_name(descriptor: Mapping[str, Any], run: str, redrives: int = 0) -> str | None:
    """The tuning job of a run, with which the names of its training jobs begin; None for a workload without one."""
    tuning = descriptor["tuning"]
    return f"{tuning['job_prefix']}-{_run12(run, redrives)}" if tuning else None


def _run12(run: str, redrives: int) -> str:
    """Jobs that a redriven run starts end in `r1`, `r2` and so on."""
    digits = hashlib.sha256(run.encode()).hexdigest()[:12]
    return f"{digits[:10]}r{_REDRIVES[redrives]}" if redrives else digits


def names(target: Target, descriptor: Mapping[str, Any]) -> set[str]:
    """The names of the workload's newest runs, to tell a new one from them."""
    return {execution["name"] for execution in executions(target, descriptor["train_state_machine_arn"], limit=1000)}


def executions(target: Target, machine_arn: str, limit: int) -> list[dict[str, Any]]:
    """The newest executions of a state machine, newest first (items of ListExecutions)."""
    return target.client("stepfunctions").list_executions(stateMachineArn=machine_arn, maxResults=limit)["executions"]


def follow(target: Target, descriptor: Mapping[str, Any], *, dataset: str, before: set[str], board: Board) -> Outcome:
    """Watch the run that the data set starts until its model serves; raises RunFailed with the cause.

    `before` are the runs there were before the data set was written (`names`).
    """
    with board.phase("start of the run"):
        execution = _await(
            target,
            f"a run of data set {dataset}",
            lambda: _new_run(target, descriptor, dataset, before),
            held_up=lambda: _is_busy(target, descriptor),
        )
    return follow_run(target, descriptor, execution["name"], board)


def redrive(target: Target, descriptor: Mapping[str, Any], run: str, board: Board) -> int:
    """Let a run that failed go on from the step that failed; its how-many-eth redrive this is. The run waits for its
    turn, as all others. Raises CliError where it cannot go on.
    """
    states, arn = target.client("stepfunctions"), _execution_arn(descriptor, run)
    described = states.describe_execution(executionArn=arn)
    if described["redriveStatus"] != "REDRIVABLE":
        reason = described.get("redriveStatusReason", described["redriveStatus"])
        raise CliError(f"Run {run} cannot go on: {reason}", hint=f"Begin it anew: slipway rerun {run}")
    detail = json.dumps({"workload": descriptor["name"], "run": run})
    entry = {"Source": "slipway", "DetailType": "Redrive Requested", "Detail": detail}
    target.client("events").put_events(Entries=[entry])
    count = described["redriveCount"] + 1

    def begun() -> dict[str, Any] | None:
        found = states.describe_execution(executionArn=arn)
        return found if found["redriveCount"] >= count else None

    with board.phase("start of the run"):
        _await(target, f"a redrive of run {run}", begun, held_up=lambda: _is_busy(target, descriptor))
    return count


def follow_run(target: Target, descriptor: Mapping[str, Any], run: str, board: Board, *, redrives: int = 0) -> Outcome:
    """Watch a run until its model serves; raises RunFailed with the cause."""
    job = job_name(descriptor, run)
    output = _Follower(target, descriptor, board, TRAIN, run, redrives).follow(_execution_arn(descriptor, run))
    if output.get("outcome") != "registered":
        reasons = "\n".join(f"  {reason}" for reason in output.get("reasons", ["the gate gave no reason"]))
        raise RunFailed(
            f"The gate rejected the model of run {run}:\n{reasons}",
            hint=f"The verdict: {output.get('verdict_uri')}. What served before still serves.",
        )
    package = output["model_package_arn"]
    in_service = descriptor["approval"] == "automatic"
    if in_service:
        with board.phase("approval event"):
            rollout = await_rollout(target, descriptor, package, before=set())
        follow_rollout(target, descriptor, rollout["executionArn"], board)
    return Outcome(
        run=run,
        training_job=verdict(target, output["verdict_uri"])["training_job"],
        model_package_arn=package,
        model_version=package.rsplit("/", 1)[-1],
        metrics=evaluation(target, descriptor, job),
        endpoint=descriptor["endpoint_name"],
        variant=descriptor["serving"]["variant"],
        in_service=in_service,
    )


def _execution_arn(descriptor: Mapping[str, Any], run: str) -> str:
    return f"{descriptor['train_state_machine_arn'].replace(':stateMachine:', ':execution:')}:{run}"


def rollouts(target: Target, descriptor: Mapping[str, Any]) -> set[str]:
    """The ARNs of the workload's newest rollouts, to tell a new one from them."""
    return {item["executionArn"] for item in executions(target, descriptor["rollout_state_machine_arn"], limit=1000)}


def await_rollout(target: Target, descriptor: Mapping[str, Any], package: str, *, before: set[str]) -> dict[str, Any]:
    """The rollout that the approval of `package` starts, none of those `before`; raises RunFailed when none comes."""
    return _await(target, f"a rollout of {package}", lambda: _rollout_of(target, descriptor, package, before))


def follow_rollout(target: Target, descriptor: Mapping[str, Any], execution_arn: str, board: Board) -> dict[str, Any]:
    """Watch a rollout to its end; its output (docs/contract.md). Raises RunFailed with the cause."""
    return _Follower(target, descriptor, board, ROLLOUT, "").follow(execution_arn)


def evaluation(target: Target, descriptor: Mapping[str, Any], job: str) -> dict[str, float]:
    """The metrics of a run's model on the holdout, from its `evaluation.json`."""
    artifacts = descriptor["artifacts"]
    key = f"{artifacts['prefix']}evaluation/{job}/evaluation.json"
    body = target.client("s3").get_object(Bucket=artifacts["bucket"], Key=key)["Body"].read()
    return json.loads(body)["challenger"]["metrics"]


def verdict(target: Target, uri: str) -> dict[str, Any]:
    """A run's lasting record (docs/contract.md, "Artifact bucket"): what was trained, on what, and how good it is."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return json.loads(target.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read())


def _new_run(target: Target, descriptor: Mapping[str, Any], dataset: str, before: set[str]) -> dict[str, Any] | None:
    pattern = re.compile(re.escape(dataset) + r"-[0-9a-f]{12}")
    for execution in executions(target, descriptor["train_state_machine_arn"], limit=100):
        if execution["name"] not in before and pattern.fullmatch(execution["name"]):
            return execution
    return None


def _rollout_of(target: Target, descriptor: Mapping[str, Any], package: str, before: set[str]) -> dict[str, Any] | None:
    states = target.client("stepfunctions")
    for execution in executions(target, descriptor["rollout_state_machine_arn"], limit=20):
        if execution["executionArn"] in before:
            continue
        event = json.loads(states.describe_execution(executionArn=execution["executionArn"])["input"])
        if event.get("detail", {}).get("ModelPackageArn") == package:
            return execution
    return None


def _is_busy(target: Target, descriptor: Mapping[str, Any]) -> bool:
    """A run of the workload is under way: the next one waits for its end, and then for the cooldown."""
    newest = executions(target, descriptor["train_state_machine_arn"], limit=100)
    if any(execution["status"] == "RUNNING" for execution in newest):
        return True
    ended = max((execution["stopDate"].timestamp() for execution in newest if "stopDate" in execution), default=0.0)
    return time.time() < ended + descriptor["triggers"]["cooldown_seconds"]


def _await(
    target: Target,
    what: str,
    find: Callable[[], dict[str, Any] | None],
    held_up: Callable[[], bool] = lambda: False,
) -> dict[str, Any]:
    """Gives up after START_LIMIT_SECONDS in which nothing has held it up."""
    deadline = time.monotonic() + START_LIMIT_SECONDS
    while time.monotonic() < deadline:
        found = find()
        if found:
            return found
        if held_up():
            deadline = time.monotonic() + START_LIMIT_SECONDS
        time.sleep(target.poll_seconds)
    raise RunFailed(
        f"There was no sign of {what} within {START_LIMIT_SECONDS:.0f} s.",
        hint="Look into the dead-letter queue and the logs of the functions of the workload's stack.",
    )


@dataclass
class _Follower:
    """Shows one execution on the board until it ends."""

    target: Target
    descriptor: Mapping[str, Any]
    board: Board
    machine: str
    run: str
    redrives: int = 0

    def __post_init__(self) -> None:
        self.job = job_name(self.descriptor, self.run, self.redrives)
        self.tuning_job = tuning_job_name(self.descriptor, self.run, self.redrives)
        self._shown: list[tuple[str, Phase]] = []

    def follow(self, arn: str) -> dict[str, Any]:
        """The execution's output; raises RunFailed with step, reason and log when it did not succeed."""
        states = self.target.client("stepfunctions")
        while True:
            description = states.describe_execution(executionArn=arn)
            events = _events(states, arn)
            self._show(history.steps(events), over=description["status"] != "RUNNING")
            if description["status"] == "SUCCEEDED":
                return json.loads(description["output"])
            if description["status"] != "RUNNING":
                raise self._failed(description, history.failure(events))
            time.sleep(self.target.poll_seconds)

    def _show(self, steps: list[history.Step], *, over: bool) -> None:
        groups = _grouped(steps, self.machine)
        for index, (title, members) in enumerate(groups):
            if index == len(self._shown):
                self._shown.append((title, self.board.begin(title)))
            phase = self._shown[index][1]
            last = index == len(groups) - 1
            if phase.seconds is None and (over or not last) and members[-1].left:
                seconds = (members[-1].left - members[0].entered).total_seconds()
                self.board.end(phase, seconds=seconds, failed=any(member.failed for member in members))
            elif phase.seconds is None and last:
                self.board.note(phase, self._detail(members[-1].name))

    def _detail(self, state: str) -> str:
        if state == "Train":
            return jobs.training_progress(self.target, self.job, self.descriptor["training"]["metrics"])
        if state == "Tune" and self.tuning_job:
            return jobs.tuning_progress(self.target, self.tuning_job)
        suffix = jobs.processing_suffix(state)
        return jobs.processing_progress(self.target, f"{self.job}-{suffix}") if suffix else ""

    def _failed(self, description: Mapping[str, Any], failure: history.Failure | None) -> CliError:
        name = description["name"]
        if failure is None:
            return RunFailed(f"{self.machine} {name} ended as {description['status']}.")
        text = f"{self.machine} {name} failed in step {failure.step}: {failure.error}\n  {failure.reason}"
        log = self._log_of(failure.step)
        if log:
            text += "\nThe last lines of the log:\n" + "\n".join(f"  {line}" for line in log)
        return RunFailed(text, hint=f"More of the log: slipway logs {self.descriptor['name']}")

    def _log_of(self, step: str) -> list[str]:
        if self.machine == ROLLOUT and step == "Plan":
            return []  # no model was asked yet
        if self.machine == ROLLOUT:
            return jobs.tail(self.target, jobs.ENDPOINT_LOGS.format(endpoint=self.descriptor["endpoint_name"]))
        if step == "Train":
            return jobs.tail(self.target, jobs.TRAINING_LOGS, f"{self.job}/")
        if step == "Tune":
            return jobs.tail(self.target, jobs.TRAINING_LOGS, f"{self.tuning_job}-")
        suffix = jobs.processing_suffix(step)
        return jobs.tail(self.target, jobs.PROCESSING_LOGS, f"{self.job}-{suffix}/") if suffix else []


def _events(states: Any, arn: str) -> list[dict[str, Any]]:
    pages = states.get_paginator("get_execution_history").paginate(executionArn=arn)
    return [event for page in pages for event in page["events"]]


def title(machine: str, state: str) -> str:
    """What a state of the machine `TRAIN` or `ROLLOUT` is shown as."""
    return _TITLES[machine].get(state) or state.replace("Process ", "process ", 1)


def _grouped(steps: list[history.Step], machine: str) -> list[tuple[str, list[history.Step]]]:
    """Neighbouring steps of one title become one group, so that a polling loop shows as one step."""
    groups: list[tuple[str, list[history.Step]]] = []
    for step in steps:
        if step.name in _PASSED:
            continue
        shown = title(machine, step.name)
        if groups and (groups[-1][0] == shown or step.name.endswith("?")):  # a choice takes no time of its own
            groups[-1][1].append(step)
        else:
            groups.append((shown, [step]))
    return groups
