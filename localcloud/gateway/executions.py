"""How an execution goes through its states, so that one that failed can be redriven, which ministack cannot.

Step Functions guide, "Restarting state machine executions with redrive": an execution that failed or was stopped goes
on in the state that was not left, with the input and the variables that this state was entered with; what was done
before is not done again. Of a Parallel or Map state all branches run again here; AWS repeats those that failed.
"""

from __future__ import annotations

import contextvars
import copy
import importlib
import json
import logging
import threading
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from localcloud.stepfunctions.errors import RUNTIME

log = logging.getLogger(__name__)
_PERIOD = timedelta(days=14)
_MOST_EVENTS = 24_999

Response = tuple[int, dict[str, str], Any]


def register() -> None:
    """Replace the walk through the states, and serve RedriveExecution."""
    app = importlib.import_module("ministack.app")
    engine = importlib.import_module("ministack.services.stepfunctions")
    executions = Executions(engine)
    original: Callable[..., Awaitable[Response]] = app.SERVICE_HANDLERS["states"]

    async def handle(method: str, path: str, headers: dict, body: bytes, query: dict) -> Response:
        if headers.get("x-amz-target", "").endswith(".RedriveExecution"):
            return engine._finalize_response(executions.redrive(json.loads(body)))
        return await original(method, path, headers, body, query)

    app.SERVICE_HANDLERS["states"] = handle
    engine._run_execution = executions.run
    _describe_redrives(engine)


class Executions:
    """``engine`` is ministack's module of Step Functions."""

    def __init__(self, engine: Any) -> None:
        self._engine = engine
        self._handlers = {
            "Pass": lambda state, given, _, context: engine._execute_pass(state, given, context),
            "Choice": lambda state, given, _, context: engine._execute_choice(state, given, context),
            "Wait": lambda state, given, _, context: engine._execute_wait(state, given, context),
            "Task": lambda *arguments: engine._execute_task(*arguments),
            "Parallel": lambda *arguments: engine._execute_parallel(*arguments),
            "Map": lambda *arguments: engine._execute_map(*arguments),
        }

    def run(self, arn: str) -> None:
        """From the start, or from where a redriven execution stands, to its end."""
        execution = self._engine._executions.get(arn)
        if execution is None:
            return
        attempt = execution.get("redriveCount", 0)
        failure: tuple[str, str] | None = None
        output = None
        try:
            output = self._walk(execution, attempt)
        except self._engine._ExecutionError as error:
            failure = error.error, error.cause
        except Exception as error:
            log.exception("execution %s", arn)
            failure = RUNTIME, str(error)
        if not is_under_way(execution, attempt):  # stopped, or it goes on elsewhere
            return
        if failure:
            self._engine._fail_execution(execution, *failure)
        else:
            self._succeed(execution, output)

    def _walk(self, execution: dict[str, Any], attempt: int) -> Any:
        """What the last state hands on."""
        engine = self._engine
        machine = engine._state_machines.get(execution["stateMachineArn"])
        if machine is None:
            raise engine._ExecutionError("StateMachineDeleted", "State machine no longer exists")
        definition = json.loads(execution.setdefault("_definition", machine["definition"]))
        position = execution.get("_position")
        entered = position is not None
        name, given = (position["state"], position["input"]) if entered else (definition["StartAt"], _input(execution))
        context = _context(execution, machine["name"], definition)
        context["variables"] = copy.deepcopy(position["variables"]) if entered else {}
        while name and is_under_way(execution, attempt):
            state = definition["States"].get(name)
            if state is None:
                raise engine._ExecutionError(RUNTIME, f"State '{name}' not found in definition")
            context["State"] = {"Name": name, "EnteredTime": engine.now_iso(), "RetryCount": 0}
            execution["_position"] = {"state": name, "input": given, "variables": copy.deepcopy(context["variables"])}
            if not entered:
                details = {"name": name, "input": json.dumps(given)}
                engine._add_event(execution, f"{state['Type']}StateEntered", {"stateEnteredEventDetails": details})
            entered = False
            given, following = self._perform(state, given, execution, context)
            if is_under_way(execution, attempt):
                details = {"name": name, "output": json.dumps(given)}
                engine._add_event(execution, f"{state['Type']}StateExited", {"stateExitedEventDetails": details})
            name = following
        return given

    def _perform(self, state: dict, given: Any, execution: dict, context: dict) -> tuple[Any, str | None]:
        engine, kind = self._engine, state["Type"]
        if kind == "Succeed":
            return engine._apply_output_path(state, engine._apply_input_path(state, given, context), context), None
        if kind == "Fail":
            raise engine._ExecutionError(*engine._fail_state_error(state, given, context))
        if kind not in self._handlers:
            raise engine._ExecutionError(RUNTIME, f"Unknown state type: {kind}")
        return self._handlers[kind](state, given, execution, context)

    def _succeed(self, execution: dict[str, Any], output: Any) -> None:
        text = json.dumps(output)
        execution |= {"status": "SUCCEEDED", "output": text, "stopDate": self._engine.now_iso()}
        self._engine._add_event(execution, "ExecutionSucceeded", {"executionSucceededEventDetails": {"output": text}})
        self._engine._emit_execution_status_event(execution)

    def redrive(self, request: dict[str, Any]) -> Response:
        """RedriveExecution."""
        engine, arn, token = self._engine, request.get("executionArn", ""), request.get("clientToken")
        execution = engine._executions.get(arn)
        if execution is None:
            return engine.error_response_json("ExecutionDoesNotExist", f"Execution Does Not Exist: '{arn}'", 400)
        if token and execution.get("_redriveToken") == token:
            return engine.json_response({"redriveDate": execution["redriveDate"]})
        reason = why_not(engine, execution)
        if reason:
            return engine.error_response_json("ExecutionNotRedrivable", reason, 400)
        count = execution.get("redriveCount", 0) + 1
        for name in ("error", "cause"):
            execution.pop(name, None)
        execution |= {"status": "RUNNING", "stopDate": None, "output": None, "_redriveToken": token}
        execution |= {"redriveCount": count, "redriveDate": engine.now_iso()}
        details = {"executionRedrivenEventDetails": {"redriveCount": count}}
        engine._add_event(execution, "ExecutionRedriven", details)
        engine._emit_execution_status_event(execution)
        context = contextvars.copy_context()
        threading.Thread(target=context.run, args=(self.run, arn), daemon=True).start()
        return engine.json_response({"redriveDate": execution["redriveDate"]})


def is_under_way(execution: dict[str, Any], attempt: int) -> bool:
    """False also for the attempt of before a redrive."""
    return execution["status"] == "RUNNING" and execution.get("redriveCount", 0) == attempt


def why_not(engine: Any, execution: dict[str, Any]) -> str:
    """The redriveStatusReason of one that cannot be redriven; empty for one that can."""
    machine = engine._state_machines.get(execution["stateMachineArn"])
    if machine is None:
        return "State machine is in DELETING status."
    if execution.get("sync") or machine.get("type") == "EXPRESS":
        return "Executions of EXPRESS state machines cannot be redriven."
    if execution["status"] in ("RUNNING", "SUCCEEDED"):
        return f"Execution is {execution['status']} and cannot be redriven"
    if len(execution["events"]) >= _MOST_EVENTS:
        return "Execution history event limit exceeded"
    stopped = datetime.fromisoformat(execution["stopDate"].replace("Z", "+00:00"))
    return "Execution redrivable period exceeded" if datetime.now(UTC) - stopped > _PERIOD else ""


def _input(execution: dict[str, Any]) -> Any:
    return json.loads(execution["input"])


def _context(execution: dict[str, Any], machine: str, definition: dict[str, Any]) -> dict[str, Any]:
    """The context object, and what ministack keeps beside it."""
    redriven = {"RedriveTime": execution["redriveDate"]} if execution.get("redriveCount") else {}
    return {
        "QueryLanguage": definition.get("QueryLanguage", "JSONPath"),
        "Execution": {
            "Id": execution["executionArn"],
            "Input": _input(execution),
            "Name": execution["name"],
            "StartTime": execution["startDate"],
            "RedriveCount": execution.get("redriveCount", 0),
            **redriven,
        },
        "StateMachine": {"Id": execution["stateMachineArn"], "Name": machine},
    }


def _redrives(engine: Any, execution: dict[str, Any]) -> dict[str, Any]:
    """What DescribeExecution says of redrives."""
    reason = why_not(engine, execution)
    return {
        "redriveCount": execution.get("redriveCount", 0),
        "redriveStatus": "NOT_REDRIVABLE" if reason else "REDRIVABLE",
        **({"redriveDate": execution["redriveDate"]} if "redriveDate" in execution else {}),
        **({"redriveStatusReason": reason} if reason else {}),
    }


def _describe_redrives(engine: Any) -> None:
    original = engine._describe_execution

    def describe(request: dict[str, Any]) -> Response:
        status, headers, body = original(request)
        if status != 200:
            return status, headers, body
        execution = engine._executions[request["executionArn"]]
        return engine.json_response({**json.loads(body), **_redrives(engine, execution)})

    engine._describe_execution = describe
