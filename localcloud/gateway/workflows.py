"""Makes the tasks of ministack's Step Functions act as their execution's role.

ministack calls its service handlers in process and asks IAM nothing. Here each task goes to ``TaskRunner``, which calls
the APIs over HTTP with the role's credentials. Activities stay ministack's own.
"""

from __future__ import annotations

import contextvars
import importlib
import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import replace
from typing import Any

from localcloud.gateway.executions import is_under_way
from localcloud.stepfunctions.calls import Task
from localcloud.stepfunctions.errors import RUNTIME, TaskError
from localcloud.stepfunctions.tasks import TaskRunner

_task: contextvars.ContextVar[Task] = contextvars.ContextVar("localcloud_task")
# Errors that neither States.ALL nor States.TaskFailed stands for.
_TERMINAL = ("States.Runtime", "States.DataLimitExceeded")


def register(runner: TaskRunner) -> None:
    """Replace how ministack performs tasks."""
    engine = importlib.import_module("ministack.services.stepfunctions")
    invoke = _invoker(engine, runner)
    _carry_role(engine)
    engine._invoke_resource = invoke
    engine._invoke_resource_with_timeout = _with_timeout(engine, invoke)
    engine._call_lambda = lambda function, event: invoke(function, event)
    # What a task with .waitForTaskToken sends, before it waits.
    engine._SERVICE_DISPATCH.clear()
    engine._SERVICE_DISPATCH["arn:aws:states:::"] = invoke
    _honour_retry_limits(engine)
    _keep_aborted(engine)
    _give_succeed_its_output(engine)


def _carry_role(engine: Any) -> None:
    original = engine._execute_task

    def execute(state: dict, raw_input: Any, execution: dict, context: dict) -> Any:
        machine = engine._state_machines.get(context["StateMachine"]["Id"])
        if machine is None:
            raise engine._ExecutionError(RUNTIME, f"no state machine {context['StateMachine']['Id']}")
        attempt = execution.get("redriveCount", 0)
        task = Task(
            role_arn=machine["roleArn"],
            session_name=machine["name"],
            cancelled=lambda: not is_under_way(execution, attempt),
        )
        token = _task.set(task)
        try:
            return original(state, raw_input, execution, context)
        finally:
            _task.reset(token)

    engine._execute_task = execute


def _invoker(engine: Any, runner: TaskRunner) -> Callable[[str, Any], Any]:
    activity = engine._invoke_resource

    def invoke(resource: str, arguments: Any) -> Any:
        if ":activity:" in resource:
            return activity(resource, arguments)
        task = _task.get(None)
        if task is None:
            raise engine._ExecutionError(RUNTIME, "service integrations run in executions only, not in TestState")
        try:
            return runner.run(task, resource, arguments)
        except TaskError as error:
            raise engine._ExecutionError(error.error, error.cause) from error

    return invoke


def _with_timeout(engine: Any, invoke: Callable[[str, Any], Any]) -> Callable[[str, Any, float], Any]:
    def run(resource: str, arguments: Any, timeout: float) -> Any:
        late = threading.Event()
        task = _task.get()
        context = contextvars.copy_context()
        context.run(_task.set, replace(task, cancelled=lambda: late.is_set() or task.cancelled()))
        pool = ThreadPoolExecutor(max_workers=1)
        future = pool.submit(context.run, invoke, resource, arguments)
        pool.shutdown(wait=False)
        try:
            return future.result(timeout=timeout)
        except FutureTimeoutError:
            late.set()
            raise engine._ExecutionError("States.Timeout", f"Task timed out after {timeout} seconds") from None

    return run


def _honour_retry_limits(engine: Any) -> None:
    """MaxDelaySeconds and JitterStrategy, and the errors that nothing retries or catches."""
    find, matches = engine._find_matching_retrier, engine._error_matches

    def find_limited(retriers: list[dict], error: str, counts: dict[int, int]) -> tuple[dict | None, int]:
        retrier, index = find(retriers, error, counts)
        if retrier is None:
            return None, index
        delay = retrier.get("IntervalSeconds", 1) * retrier.get("BackoffRate", 2.0) ** counts.get(index, 0)
        delay = min(delay, retrier.get("MaxDelaySeconds", delay))
        if retrier.get("JitterStrategy") == "FULL":
            delay = random.uniform(0, delay)  # noqa: S311
        return {**retrier, "IntervalSeconds": delay, "BackoffRate": 1.0}, index

    def matches_unless_terminal(names: list[str], error: str) -> bool:
        return error in names if error in _TERMINAL else matches(names, error)

    engine._find_matching_retrier, engine._error_matches = find_limited, matches_unless_terminal


def _keep_aborted(engine: Any) -> None:
    """A task that fails after StopExecution does not turn ABORTED into FAILED."""
    original = engine._fail_execution

    def fail(execution: dict, error: str, cause: str) -> None:
        if execution["status"] == "RUNNING":
            original(execution, error, cause)

    engine._fail_execution = fail


def _give_succeed_its_output(engine: Any) -> None:
    """ministack ends with the input of a Succeed state, whatever the state's JSONata ``Output`` says."""
    original = engine._apply_output_path

    def output(state: dict, data: Any, context: dict | None = None) -> Any:
        if state.get("Type") == "Succeed" and engine._state_query_language(state, context) == "JSONata":
            return engine._apply_jsonata_output(state, data, context, default=data)
        return original(state, data, context)

    engine._apply_output_path = output
