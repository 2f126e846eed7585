"""All that ministack's services hold, as one value to save and to put back."""

from __future__ import annotations

import importlib
import json
import sys
from importlib.metadata import version
from typing import Any

from localcloud.gateway import stacks

# A change of a service's data while it is copied, on another thread, makes the copy fail; the next one succeeds.
_ATTEMPTS = 20


class UnusableState(Exception):
    """The saved state cannot be put back; the message says why."""


def capture() -> bytes:
    """The state of every service that was used, as JSON. Bodies of S3 objects and code of functions are not in it:
    ministack writes those to the disk itself."""
    app = importlib.import_module("ministack.app")
    persistence = importlib.import_module("ministack.core.persistence")
    _keep_code()
    services = {}
    for name, get_state in sorted(app._build_persistence_save_dict().items()):
        state = _encoded(get_state, persistence)
        if state is not None:
            services[name] = state
    parts = ",".join(f"{json.dumps(name)}:{text}" for name, text in services.items())
    return f'{{"ministack":{json.dumps(version("ministack"))},"services":{{{parts}}}}}'.encode()


def restore(content: bytes) -> None:
    """Put a captured state back into services that have none yet. Raises UnusableState.

    To be called before the server listens.
    """
    app = importlib.import_module("ministack.app")
    persistence = importlib.import_module("ministack.core.persistence")
    try:
        saved = json.loads(content, object_hook=persistence._json_object_hook)
    except ValueError as error:
        raise UnusableState(f"it is not JSON: {error}") from error
    if saved["ministack"] != version("ministack"):
        raise UnusableState(f"it was saved by ministack {saved['ministack']}, this is {version('ministack')}")
    cloudformation = saved["services"].get("cloudformation")
    if cloudformation:
        stacks.settle_interrupted(cloudformation["stacks"]._data)
    for name, module in app._state_map.items():
        if saved["services"].get(name):
            _restore_service(app, module, saved["services"][name])
    if saved["services"].get("lambda"):
        importlib.import_module("ministack.services.lambda_svc").get_state()  # removes code that nothing names any more


def _keep_code() -> None:
    """While the generation that names a function's code is the newest one on the disk, that code may not go.

    ministack would remove it before the next generation is written; it now does so when the server starts.
    """
    functions = sys.modules.get("ministack.services.lambda_svc")
    if functions is not None:
        functions._prune_orphan_code_blobs = lambda referenced: None


def reset() -> None:
    """Forget everything, object bodies on the disk included."""
    importlib.import_module("ministack.app")._reset_all_state()


def _restore_service(app: Any, module: str, state: Any) -> None:
    try:
        app._get_module(module).load_persisted_state(state)
    except Exception as error:
        raise UnusableState(f"{module} does not take it: {type(error).__name__}: {error}") from error


def _encoded(get_state: Any, persistence: Any) -> str | None:
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            state = get_state()
            return None if state is None else json.dumps(state, default=persistence._json_default)
        except RuntimeError:  # "dictionary changed size during iteration"
            if attempt == _ATTEMPTS:
                raise
    return None
