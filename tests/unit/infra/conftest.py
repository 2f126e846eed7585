"""Walks a state machine definition with scripted answers, evaluating its JSONata as Step Functions does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import jsonata
import pytest

STEP_LIMIT = 6000


class TaskError(Exception):
    """What a scripted task fails with."""

    def __init__(self, error: str, cause: str) -> None:
        super().__init__(f"{error}: {cause}")
        self.error, self.cause = error, cause


class Walk:
    """One execution. `answers` are called for each task with its name and arguments; they return or raise TaskError.
    Without `retries` every error counts as the last one.
    """

    def __init__(
        self, definition: dict[str, Any], answers: Callable[[str, Any], Any], *, retries: bool = False
    ) -> None:
        self._retries = retries
        self._states = definition["States"]
        self._start = definition["StartAt"]
        self._answers = answers
        self._variables: dict[str, Any] = {}
        self.visited: list[str] = []
        self.arguments: dict[str, Any] = {}
        self.output: Any = None
        self.failure: tuple[str, str] | None = None
        self._redrives = 0
        self._failed: tuple[str, Any] = (self._start, None)

    def run(self, value: Any) -> Walk:
        return self._go_on(self._start, value)

    def redrive(self) -> Walk:
        """Goes on in the state that failed, with its input and the variables of then; `visited` begins anew."""
        self._redrives, self.visited, self.failure = self._redrives + 1, [], None
        return self._go_on(*self._failed)

    def _go_on(self, name: str | None, value: Any) -> Walk:
        while name is not None:
            assert len(self.visited) < STEP_LIMIT, self.visited
            self.visited.append(name)
            name, value = getattr(self, f"_{self._states[name]['Type'].lower()}")(name, self._states[name], value)
        self.output = value
        return self

    def _task(self, name: str, state: dict[str, Any], value: Any) -> tuple[str | None, Any]:
        self.arguments[name] = self._evaluate(state["Arguments"], {"input": value})
        try:
            result = self._tried(name, state)
        except TaskError as error:
            output = {"Error": error.error, "Cause": error.cause}
            if "Catch" not in state:
                self.failure, self._failed = (error.error, error.cause), (name, value)
                return None, None
            catch = next(
                c for c in state["Catch"] if c["ErrorEquals"] == ["States.ALL"] or error.error in c["ErrorEquals"]
            )
            self._assign(catch, {"input": value, "errorOutput": output})
            return catch["Next"], output
        return self._leave(state, {"input": value, "result": result})

    def _tried(self, name: str, state: dict[str, Any]) -> Any:
        """The answer, after as many tries as `Retry` gives to errors that it names; their pauses are left out."""
        tries: Counter[int] = Counter()
        while True:
            try:
                return self._answers(name, self.arguments[name])
            except TaskError as error:
                named = [index for index, retry in enumerate(state["Retry"]) if error.error in retry["ErrorEquals"]]
                if not self._retries or not named or tries[named[0]] == state["Retry"][named[0]]["MaxAttempts"]:
                    raise
                tries[named[0]] += 1

    def _pass(self, name: str, state: dict[str, Any], value: Any) -> tuple[str | None, Any]:
        return self._leave(state, {"input": value})

    _wait = _pass

    def _choice(self, name: str, state: dict[str, Any], value: Any) -> tuple[str | None, Any]:
        for rule in state["Choices"]:
            met = self._evaluate(rule["Condition"], {"input": value})
            assert isinstance(met, bool), f"{name}: {rule['Condition']} is {met!r}, Step Functions wants a boolean"
            if met:
                return rule["Next"], value
        return state["Default"], value

    def _succeed(self, name: str, state: dict[str, Any], value: Any) -> tuple[str | None, Any]:
        return self._leave(state, {"input": value})

    def _fail(self, name: str, state: dict[str, Any], value: Any) -> tuple[str | None, Any]:
        self.failure = (self._evaluate(state["Error"], {}), self._evaluate(state["Cause"], {}))
        return None, None

    def _leave(self, state: dict[str, Any], states: dict[str, Any]) -> tuple[str | None, Any]:
        output = self._evaluate(state["Output"], states) if "Output" in state else states["input"]
        self._assign(state, states)
        return state.get("Next"), output

    def _assign(self, state: dict[str, Any], states: dict[str, Any]) -> None:
        """All values are computed before the first of them is set."""
        self._variables |= self._evaluate(state.get("Assign", {}), states)

    def _evaluate(self, value: Any, states: dict[str, Any]) -> Any:
        if isinstance(value, dict):
            return {key: self._evaluate(item, states) for key, item in value.items()}
        if not (isinstance(value, str) and value.startswith("{%")):
            return value
        context = {
            "Execution": {"Name": "run-1", "Id": "arn:run-1", "RedriveCount": self._redrives},
            "StateMachine": {"Name": "machine"},
            "State": {"EnteredTime": "2026-11-12T08:30:00.000Z"},
        }
        expression = jsonata.Jsonata(value[2:-2].strip())
        for name, bound in {**self._variables, "states": {**states, "context": context}}.items():
            expression.assign(name, bound)
        result = expression.evaluate({})
        assert result is not None or "null" in value or "." in value, f"{value} is undefined"
        return result


@pytest.fixture(name="task_error", scope="session")
def _task_error() -> type[TaskError]:
    return TaskError


@pytest.fixture(scope="session")
def walk() -> type[Walk]:
    return Walk
