"""Lambda functions whose process dies: told in AWS's words, and made to happen."""

from __future__ import annotations

import importlib
import threading
import time
from collections import Counter
from typing import Any

_DIED = "Worker process died"
_AT_WORK_SECONDS = 0.02
"""How long a process that is to die works on its event."""


class FunctionFaults:
    """Kills the process of a function in the middle of an invocation, for each that was asked for.

    Creating it also makes ministack say of a dead process what Lambda says, a Runtime.ExitError: its own
    Runtime.HandlerError is that of code which raised, and is not retried by Step Functions' guide.
    """

    def __init__(self) -> None:
        self._doomed: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._runtime = importlib.import_module("ministack.core.lambda_runtime")
        self._kill_the_doomed()
        _tell_exits()

    def crash(self, function: str) -> None:
        """Let the next invocation of the function lose its process, once it has been given its event."""
        with self._lock:
            self._doomed[function] += 1

    def _is_doomed(self, function: str) -> bool:
        with self._lock:
            doomed = self._doomed[function] > 0
            if doomed:
                self._doomed[function] -= 1
            return doomed

    def _kill_the_doomed(self) -> None:
        original = self._runtime.Worker.invoke

        def invoke(worker: Any, *arguments: Any, **keywords: Any) -> dict[str, Any]:
            if self._is_doomed(worker.func_name):
                self._runtime.ensure_spawned(worker)
                process = worker._proc
                process.stdin, process.stdout = _LastWords(process), _Silence(process.stdout)
            return original(worker, *arguments, **keywords)

        self._runtime.Worker.invoke = invoke


class _LastWords:
    """The standard input of a process that is killed soon after it has been sent something."""

    def __init__(self, process: Any) -> None:
        self._process, self._stdin = process, process.stdin

    def flush(self) -> None:
        self._stdin.flush()
        time.sleep(_AT_WORK_SECONDS)
        self._process.kill()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stdin, name)


class _Silence:
    """The standard output of the same: what it may have answered by then is lost."""

    def __init__(self, stdout: Any) -> None:
        self._stdout = stdout

    def readline(self) -> str:
        return ""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stdout, name)


def _tell_exits() -> None:
    service = importlib.import_module("ministack.services.lambda_svc")
    original = service._execute_function_warm

    def execute(function: dict[str, Any], event: Any, request_id: str) -> dict[str, Any]:
        result = original(function, event, request_id)
        body = result.get("body")
        if result.get("error") and isinstance(body, dict) and body.get("errorMessage") == _DIED:
            message = f"RequestId: {request_id} Error: Runtime exited with error: signal: killed"
            return {**result, "body": {"errorType": "Runtime.ExitError", "errorMessage": message}}
        return result

    service._execute_function_warm = execute
