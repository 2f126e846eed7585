"""One running pipeline execution."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from typing import Any

from localcloud.sagemaker.jobs.role import Role
from localcloud.sagemaker.pipelines import retries
from localcloud.sagemaker.pipelines.definition import Step, parse
from localcloud.sagemaker.pipelines.expressions import Unresolvable, evaluate
from localcloud.sagemaker.pipelines.other_steps import CallbackSteps, ConditionSteps, FailSteps, LambdaSteps
from localcloud.sagemaker.pipelines.record import RUNNING, ExecutionRecord
from localcloud.sagemaker.pipelines.resource_steps import ResourceSteps
from localcloud.sagemaker.pipelines.step import Action, Context, StepFailed
from localcloud.sagemaker.pipelines.step_types import CALLBACK, CONDITION, FAIL, LAMBDA, RESOURCES
from localcloud.sagemaker.resources import experiment
from localcloud.sagemaker.resources.resource import Call
from localcloud.sagemaker.steady import steady
from localcloud.sagemaker.store import NotFound

log = logging.getLogger(__name__)
Document = dict[str, Any]

# A change of what a step waits for wakes the execution; this is only for one that goes unnoticed.
_LONGEST_WAIT_SECONDS = 5.0
_DEFAULT_PARALLEL_STEPS = 50
_STEP_FAILURE = "Step failure: One or multiple steps failed."


class Execution:
    """Starts, watches and stops the steps of one execution, on one thread calling ``run``.

    Args:
        call: SageMaker itself as the caller.
        role: the pipeline's, which every call of a step is made as.
    """

    def __init__(self, call: Call, name: str, role: Role, definition: str) -> None:
        self._call = call
        self._steady = steady(call.plane.now, call.plane.monotonic)
        self._record = ExecutionRecord(call.store, name, call.plane.now)
        self._plan = parse(definition)
        self._changed, self._abandoned = threading.Event(), threading.Event()
        self._context = Context(call=call, role=role, plan=self._plan, record=self._record, wake=self.wake)
        resources = ResourceSteps(self._context)
        self._actions: dict[str, Action] = {
            **dict.fromkeys(RESOURCES, resources),
            CONDITION: ConditionSteps(self._context),
            FAIL: FailSteps(self._context),
            LAMBDA: LambdaSteps(self._context),
            CALLBACK: CallbackSteps(self._context),
        }

    def run(self) -> None:
        """Runs the execution to its end and writes how it ended; never raises."""
        try:
            self._make_experiment(self._record.read())
            while not self._abandoned.is_set() and not self._advance():
                self._changed.wait(self._patience())
        except NotFound:
            log.warning("pipeline execution %s is gone", self._record.name)
        except Exception as error:
            if self.abandoned:
                return
            log.exception("pipeline execution %s", self._record.name)
            self._record.end("Failed", f"InternalServerError: {type(error).__name__}: {error}")

    def wake(self) -> None:
        """Something that a step waits for has changed, or the execution itself."""
        self._changed.set()

    @property
    def abandoned(self) -> bool:
        return self._abandoned.is_set()

    def abandon(self) -> None:
        """Ends the thread; the execution goes on when the embedded cloud starts again."""
        self._abandoned.set()
        self._changed.set()

    def _advance(self) -> bool:
        """One look at everything; True when the execution has ended."""
        self._changed.clear()
        for step, record in self._running(self._record.read()):
            self._look(step, record)
        execution = self._record.read()
        if execution["PipelineExecutionStatus"] == "Stopping" or self._was_told_to_fail(execution):
            self._stop(execution)
        elif not self._is_ending(execution):
            self._launch(execution)
        execution = self._record.read()
        if any(True for _ in self._running(execution)):
            return False
        if not self._is_ending(execution) and self._ready(execution):
            return False
        self._finish(execution)
        return True

    def _is_ending(self, execution: Document) -> bool:
        """Whether no more steps are to be started; those that run end by themselves."""
        ended_badly = any(record["StepStatus"] in ("Failed", "Stopped") for record in execution["_Steps"].values())
        return ended_badly or execution["PipelineExecutionStatus"] == "Stopping"

    def _running(self, execution: Document) -> Iterator[tuple[Step, Document]]:
        for name, record in execution["_Steps"].items():
            if record["StepStatus"] in RUNNING:
                yield self._plan.steps[name], record

    def _look(self, step: Step, record: Document) -> None:
        now = self._steady()
        if "_RetryAt" in record and record["_RetryAt"] > now:
            return
        if "_RetryAt" in record or record["StepStatus"] == "Starting":
            self._begin(step)
            return
        try:
            self._actions[step.type].watch(step, record)
        except StepFailed as failure:
            self._failed(step, failure)

    def _launch(self, execution: Document) -> None:
        config = execution.get("ParallelismConfiguration") or {}
        free = config.get("MaxParallelExecutionSteps", _DEFAULT_PARALLEL_STEPS) - len(list(self._running(execution)))
        for step in self._ready(execution)[: max(0, free)]:
            now = self._call.plane.now()
            shown = {"StepDisplayName": step.document.get("DisplayName", step.name)}
            shown |= {"StepDescription": step.document.get("Description")}
            attempts = execution["_Attempts"].get(step.name, 0)
            begun = {"StepStatus": "Starting", "StartTime": now, "AttemptCount": attempts}
            begun["_FirstStart"] = self._steady()
            self._record.put(step.name, _Type=step.type, **shown, **begun)
            self._begin(step)
            self._changed.set()  # what ended at once may have made others ready

    def _ready(self, execution: Document) -> list[Step]:
        """The steps that may be started now. One in a branch not taken, or that needs such a step, never may."""
        records = execution["_Steps"]
        succeeded = {name for name, record in records.items() if record["StepStatus"] == "Succeeded"}
        selected = execution.get("_Selected")

        def may_start(step: Step) -> bool:
            if step.name in records or (selected is not None and step.name not in selected):
                return False
            condition, outcome = step.branch or (None, None)
            taken = condition is None or (
                condition in succeeded and records[condition]["_Properties"]["Outcome"] == outcome
            )
            return taken and step.needs <= succeeded

        return [step for step in self._plan.steps.values() if may_start(step)]

    def _begin(self, step: Step) -> None:
        execution = self._record.read()
        attempt = execution["_Steps"][step.name]["AttemptCount"] + 1
        self._record.put(step.name, StepStatus="Starting", AttemptCount=attempt, _RetryAt=None)
        try:
            self._actions[step.type].begin(step, execution, self._context.scope(execution))
        except Unresolvable as error:
            self._failed(step, StepFailed(f"ClientError: {error}"))
        except StepFailed as failure:
            self._failed(step, failure)

    def _failed(self, step: Step, failure: StepFailed) -> None:
        if self.abandoned:
            return  # the embedded cloud is closing, which is no fault of the step's
        record = self._record.read()["_Steps"][step.name]
        now = self._steady()
        policies = step.document.get("RetryPolicies") or []
        wait = None
        if record["StepStatus"] != "Stopping":
            wait = retries.delay(policies, failure.kind, record["AttemptCount"], now - record["_FirstStart"])
        if wait is None:
            self._record.finish(step.name, "Failed", FailureReason=failure.reason)
        else:
            self._record.put(step.name, StepStatus="Executing", _RetryAt=now + wait, _Job=None)
        self._changed.set()

    def _was_told_to_fail(self, execution: Document) -> bool:
        """A Fail step ends the execution, whatever else runs."""
        records = execution["_Steps"].values()
        return any(record["_Type"] == FAIL and record["StepStatus"] == "Failed" for record in records)

    def _stop(self, execution: Document) -> None:
        for step, record in self._running(execution):
            if "_RetryAt" in record:
                self._record.finish(step.name, "Stopped")
            elif record["StepStatus"] != "Stopping":
                self._record.put(step.name, StepStatus="Stopping")
                try:
                    self._actions[step.type].stop(step, record)
                except StepFailed as failure:
                    self._failed(step, failure)

    def _finish(self, execution: Document) -> None:
        statuses = {record["StepStatus"] for record in execution["_Steps"].values()}
        if "Failed" in statuses:
            self._record.end("Failed", _STEP_FAILURE)
        elif execution["PipelineExecutionStatus"] == "Stopping" or "Stopped" in statuses:
            self._record.end("Stopped")
        else:
            self._record.end("Succeeded")

    def _make_experiment(self, execution: Document) -> None:
        """The experiment and the trial of PipelineExperimentConfig, where they are not there yet."""
        config = self._plan.document.get("PipelineExperimentConfig")
        if not config:
            return
        names = evaluate(config, self._context.scope(execution))
        self._record.show_experiment(names)
        for resource, request in (
            (experiment.EXPERIMENT, {"ExperimentName": names["ExperimentName"]}),
            (experiment.TRIAL, names),
        ):
            try:
                self._call.store.get(resource.kind, request[resource.name_member])
            except NotFound:
                experiment.OPERATIONS[f"Create{resource.noun}"](self._call, request)

    def _patience(self) -> float:
        now = self._steady()
        waits = [record["_RetryAt"] - now for _, record in self._running(self._record.read()) if "_RetryAt" in record]
        return min(max(0.01, min(waits, default=_LONGEST_WAIT_SECONDS)), _LONGEST_WAIT_SECONDS)
