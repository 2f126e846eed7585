"""How ministack starts the processes of functions."""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from localcloud.functions.forking import ForkedFunctions

_LAYERS = "_LAMBDA_LAYERS_DIRS"


def register(forked: ForkedFunctions) -> None:
    """Python functions without layers start by a fork."""
    runtime = importlib.import_module("ministack.core.lambda_runtime")
    runtime.subprocess = _Subprocess(forked)
    _prepare(forked)


class _Subprocess:
    """The module `subprocess`, as far as it is used for functions."""

    PIPE, STDOUT, DEVNULL = subprocess.PIPE, subprocess.STDOUT, subprocess.DEVNULL

    def __init__(self, forked: ForkedFunctions) -> None:
        self._forked = forked

    def Popen(self, argv: list[str], *, cwd: str, env: dict[str, str], **options: Any) -> Any:
        process = None
        if argv[0] == sys.executable and _LAYERS not in env:
            process = self._forked.start(argv, cwd, env)
        return process or subprocess.Popen(argv, cwd=cwd, env=env, **options)  # noqa: S603


def expect_those_there_are(forked: ForkedFunctions) -> None:
    """Prepare for the functions that were created before the cloud started."""
    functions = importlib.import_module("ministack.services.lambda_svc")
    for function in list(functions._functions._data.values()):
        _expect(forked, function["config"])


def _prepare(forked: ForkedFunctions) -> None:
    """Have the models of the services read that a function's role lets it call, when a stack creates or changes it:
    CloudFormation drops its processes then.
    """
    functions = importlib.import_module("ministack.services.lambda_svc")
    original = functions.invalidate_worker

    def invalidate(name: str, *arguments: Any, **keywords: Any) -> None:
        original(name, *arguments, **keywords)
        function = functions._functions.get(name)
        if function:
            _expect(forked, function["config"])

    functions.invalidate_worker = invalidate


def _expect(forked: ForkedFunctions, function: Mapping[str, Any]) -> None:
    if function.get("Runtime", "").startswith("python"):
        forked.expect(_services(function))


def _services(function: Mapping[str, Any]) -> set[str]:
    """As IAM's actions name them."""
    evaluator = importlib.import_module("ministack.core.iam_evaluator")
    account, role = function["FunctionArn"].split(":")[4], function["Role"].rpartition("/")[2]
    policies = evaluator._gather_role_policies(role, account)
    actions = [action for policy in policies for statement in policy for action in statement.actions]
    return {action.partition(":")[0].lower() for action in actions if ":" in action}
