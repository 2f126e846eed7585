"""Puts back what ``recorder.py`` has recorded."""

from __future__ import annotations

import importlib
from importlib.metadata import version
from typing import Any

from localcloud.gateway import stacks


class UnusableState(Exception):
    """The saved state cannot be put back; the message says why."""


def restore(tree: dict[str, Any]) -> None:
    """Put a recorded state back into services that have none yet. Raises UnusableState.

    To be called before the server listens.
    """
    app = importlib.import_module("ministack.app")
    if tree.get("ministack") != version("ministack"):
        raise UnusableState(f"it was saved by ministack {tree.get('ministack')}, this is {version('ministack')}")
    saved = _decoded(tree["services"], importlib.import_module("ministack.core.persistence")._json_object_hook)
    cloudformation = saved.get("cloudformation")
    if cloudformation:
        stacks.settle_interrupted(cloudformation["stacks"]._data)
    for name, module in app._state_map.items():
        if saved.get(name):
            _restore_service(app, module, saved[name])
    if saved.get("lambda"):
        importlib.import_module("ministack.services.lambda_svc").get_state()  # removes code that nothing names any more


def reset() -> None:
    """Forget everything, object bodies on the disk included."""
    importlib.import_module("ministack.app")._reset_all_state()


def _restore_service(app: Any, module: str, state: Any) -> None:
    try:
        app._get_module(module).load_persisted_state(state)
    except Exception as error:
        raise UnusableState(f"{module} does not take it: {type(error).__name__}: {error}") from error


def _decoded(value: Any, hook: Any) -> Any:
    """What ``json.loads`` with that ``object_hook`` would have made of it."""
    if isinstance(value, dict):
        return hook({name: _decoded(item, hook) for name, item in value.items()})
    if isinstance(value, list):
        return [_decoded(item, hook) for item in value]
    return value
