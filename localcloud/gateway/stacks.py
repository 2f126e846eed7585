"""Our resource types in ministack's CloudFormation, and what becomes of stacks that a crash caught at work."""

from __future__ import annotations

import asyncio
import importlib
import json
import logging
import threading
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

from localcloud import clients, cloudformation_scaling
from localcloud.cloudformation import TYPES, Provisioner
from localcloud.config import Config
from localcloud.gateway import stack_events

log = logging.getLogger(__name__)
_REASON = "The embedded cloud ended while this stack was being worked on"
_CHANGING = ("CreateStack", "UpdateStack", "ExecuteChangeSet")
# The CDK looks at once whether a stack is done, and then every five seconds: its look lasts until there is something
# to see, while it goes on showing the stack's events. Far shorter than it waits for an answer (five minutes).
_HELD_SECONDS = 60.0
_LOOK_SECONDS = 0.02


_registering = threading.Lock()
_registered = threading.Event()


def register(config: Config, expect: Callable[[str], None]) -> None:
    """Add our types before the first request to CloudFormation is handled. ``expect`` is told the template of a stack
    that is being changed, and returns at once.

    Its import takes a second, so it is not part of the start; ``load`` may be called early on a thread.
    """
    app = importlib.import_module("ministack.app")
    original = app.SERVICE_HANDLERS["cloudformation"]

    async def handle(*request: Any) -> Any:
        if not _registered.is_set():
            await asyncio.to_thread(load, config)
        action, name = _stack(*request)
        if action == "DescribeStacks":
            await _settled(name, *request)
        answer = await original(*request)
        if action in _CHANGING:
            expect(_stacks().get(name, {}).get("_template_body", ""))
        return answer

    app.SERVICE_HANDLERS["cloudformation"] = handle


def templates(config: Config) -> list[str]:
    """Those of the stacks that are there."""
    load(config)
    stacks = list(_stacks()._data.values())
    return [stack.get("_template_body", "") for stack in stacks if stack.get("StackStatus") != "DELETE_COMPLETE"]


def _stack(_method: str, _path: str, _headers: Any, body: bytes, query: dict[str, Any]) -> tuple[str, str]:
    """The action, and the name of the stack that it is about; empty where it names none."""
    parameters = {**query, **parse_qs(body.decode(errors="replace"))}
    action, stack_name = (str((parameters.get(name) or [""])[0]) for name in ("Action", "StackName"))
    return action, stack_name.split("/")[1] if stack_name.startswith("arn:") else stack_name


def _stacks() -> Any:
    return importlib.import_module("ministack.services.cloudformation")._stacks


async def _settled(name: str, _method: str, _path: str, headers: dict[str, str], *_: Any) -> None:
    """Return when the stack that the CDK looks at is no longer changed, or after a while; at once for others."""
    if "aws-cdk" not in headers.get("user-agent", ""):
        return
    deadline = time.monotonic() + _HELD_SECONDS
    while time.monotonic() < deadline and _in_progress(_stacks().get(name, {})):
        await asyncio.sleep(_LOOK_SECONDS)


def _in_progress(stack: dict[str, Any]) -> bool:
    """Being changed. A stack in review has a change set that nobody has executed yet."""
    status = stack.get("StackStatus", "")
    return status.endswith("_IN_PROGRESS") and status != "REVIEW_IN_PROGRESS"


def load(config: Config) -> None:
    """Import CloudFormation and add our types, once; they run on worker threads, because they call this server."""
    with _registering:
        if _registered.is_set():
            return
        handlers = importlib.import_module("ministack.services.cloudformation.provisioners")._RESOURCE_HANDLERS
        engine = importlib.import_module("ministack.services.cloudformation.stacks")
        provisioners = _provisioners(config)
        for name, provisioner in provisioners.items():
            handlers[name] = {
                "create": provisioner.create,
                "update": provisioner.update,
                "update_with_logical_id": True,
                "delete": provisioner.delete,
            }
        original = engine._runs_on_worker_thread
        engine._runs_on_worker_thread = lambda name: name in provisioners or original(name)
        stack_events.register()
        _registered.set()


def _provisioners(config: Config) -> dict[str, Any]:
    """What makes the resources of each of our types."""
    made: dict[str, Any] = {
        name: Provisioner(resource_type, lambda: clients.root_client(config, "sagemaker"))
        for name, resource_type in TYPES.items()
    }
    for name, provisioner in cloudformation_scaling.TYPES.items():
        made[name] = provisioner(lambda: clients.root_client(config, "application-autoscaling"))
    return made


def settle_interrupted(stacks: dict[Any, dict[str, Any]]) -> None:
    """Give every stack that was in progress a status from which the CDK deploys again.

    A stack that was being created or deleted is deleted and created anew by ``cdk deploy``; one that was being updated
    takes the next update.
    """
    for stack in stacks.values():
        status = stack.get("StackStatus", "")
        if not _in_progress(stack):
            continue
        updating = status.startswith("UPDATE")
        if updating:
            # Still the old template, as parsed; with the new text, the same deployment would find nothing to do.
            stack["_template_body"] = json.dumps(stack["_template"])
        stack["StackStatus"] = "UPDATE_ROLLBACK_COMPLETE" if updating else "ROLLBACK_COMPLETE"
        stack["StackStatusReason"] = _REASON
        log.warning("stack %s was %s when the server ended; now %s", stack["StackName"], status, stack["StackStatus"])
