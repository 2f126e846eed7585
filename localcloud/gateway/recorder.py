"""All that ministack's services hold, and what changed in it (the ``Recorder`` of ``localcloud.journal``).

Bodies and metadata of S3 objects and the code of functions are not in it: ministack writes those to the disk itself.
"""

from __future__ import annotations

import copy
import functools
import importlib
import json
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any

from localcloud.gateway.differences import Box, update
from localcloud.journal.changes import Change

# ministack's services that copy what they hold and leave the copy as it is: here they may hand out the data itself.
# Copying takes a hundred times as long as comparing. Others alter their copy, or are seldom used.
HANDS_OUT = frozenset(
    {
        *("alb", "apigateway", "apigateway_v1", "appconfig", "appsync", "cloudformation", "cloudfront", "cloudwatch"),
        *("cloudwatch_logs", "dynamodb", "ecr", "eventbridge", "glue", "iam", "iot", "kinesis", "opensearch", "pipes"),
        *("s3", "scheduler", "secretsmanager", "sns", "sqs", "ssm", "stepfunctions"),
    }
)
# A change of a service's data while it is read, on another thread, makes the reading fail; the next one succeeds.
_ATTEMPTS = 20
_FUNCTION_CODES = 64


class StateRecorder:
    """Compares the state with its mirror. To be used on one thread."""

    def __init__(self) -> None:
        self._app = importlib.import_module("ministack.app")
        self._persistence = importlib.import_module("ministack.core.persistence")
        self._services: dict[str, Any] = {}
        self._code_kept = False
        _uncopied.install()

    def changes(self, parts: frozenset[str] | None) -> bytes | None:
        """See ``Recorder``; the parts are ministack's services, by the names under which it saves them."""
        self._code_kept = self._code_kept or _keep_code()
        found: list[Change] = []
        for name, get_state in self._app._build_persistence_save_dict().items():
            if parts is not None and name not in parts:
                continue
            state = _read(name, get_state)
            if state is not None:
                if name not in self._services:
                    self._services[name] = {}
                    found.append(["set", ["services", name], {}])
                update(self._services[name], self._boxed(state), ["services", name], found)
        return json.dumps(found, default=self._encoded).encode() if found else None

    def snapshot(self) -> bytes:
        """See ``Recorder``."""
        tree = {"ministack": version("ministack"), "services": self._services}
        return json.dumps(tree, default=self._encoded).encode()

    def _boxed(self, state: dict[str, Any]) -> dict[str, Any]:
        return {name: self._box(value) for name, value in state.items()}

    def _box(self, value: Any) -> Any:
        if isinstance(value, self._persistence.AccountRegionScopedDict):
            return Box(value._data, "__account_region_scoped__", _region_key)
        if isinstance(value, self._persistence.AccountScopedDict):
            return Box(value._data, "__scoped__", _account_key)
        return value

    def _encoded(self, value: Any) -> Any:
        """What ministack's own encoder makes of it."""
        if isinstance(value, Box):
            return {value.marker: True, "data": {value.key(key): item for key, item in value.items.items()}}
        return self._persistence._json_default(value)


def _region_key(key: tuple[str, str, Any]) -> str:
    return f"{key[0]}\x00{key[1]}\x00{key[2]!r}"


def _account_key(key: tuple[str, Any]) -> str:
    return f"{key[0]}\x00{key[1]!r}"


def _read(name: str, get_state: Callable[[], Any]) -> Any:
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            with _uncopied(enabled=name in HANDS_OUT):
                return get_state()
        except RuntimeError:  # "dictionary changed size during iteration"
            if attempt == _ATTEMPTS:
                raise
    return None


class _Uncopied:
    """Makes ``copy.deepcopy`` return its argument, on this thread, inside a ``with``."""

    def __init__(self) -> None:
        self._here = threading.local()

    def install(self) -> None:
        if getattr(copy.deepcopy, "__wrapped__", None) is not None:
            return
        original = copy.deepcopy

        @functools.wraps(original)
        def deepcopy(value: Any, *arguments: Any, **keywords: Any) -> Any:
            return value if getattr(self._here, "enabled", False) else original(value, *arguments, **keywords)

        copy.deepcopy = deepcopy

    @contextmanager
    def __call__(self, *, enabled: bool) -> Iterator[None]:
        self._here.enabled = enabled
        try:
            yield
        finally:
            self._here.enabled = False


_uncopied = _Uncopied()


def _keep_code() -> bool:
    """While the newest record on the disk names a function's code, that code may not go.

    ministack would remove it before the next record is written; ``state.restore`` does so when the server starts.
    """
    functions = sys.modules.get("ministack.services.lambda_svc")
    if functions is None:
        return False
    functions._prune_orphan_code_blobs = lambda referenced: None
    # The hash of a function's code is asked for at every look.
    functions._write_code_blob = functools.lru_cache(_FUNCTION_CODES)(functions._write_code_blob)
    return True
