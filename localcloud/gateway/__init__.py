"""ministack, with our services in it. The only package that touches ministack's inside.

ministack keeps its settings and its state in module variables, read from the environment at import: one process is
one cloud. ``Gateway`` sets that environment, imports ministack, and changes it in the ways listed here; the contract
tests of ``tests/integration/localcloud`` pin each of them.

- Requests on loopback count as secure transport, unless the client says otherwise itself.
- ``identity``: root is verified by signature like everybody else, anonymous requests see public objects only, denials
  name the resource, roles can be assumed by the services that their trust policies name.
- ``resources``: requests are authorised on the resources that AWS would take, where ministack knows only "*".
- ``resources``: resources and condition keys are AWS's where ministack's differ.
- ``alarms``: an alarm looks at the metric with its own dimensions, and ends when nothing comes any more.
- ``targets``: an event whose target is gone goes to its rule's dead-letter queue.
- ``event_sources``, ``function_output``: what a function is invoked for, and what it wrote, is there without waiting.
- ``function_processes``: functions' processes are forked from one that has imported boto3.
- ``service_models``: botocore's models are read once.
- ``functions``: the death of a function's process is told as Lambda tells it, and can be made to happen.
- ``autoscaling``: Application Auto Scaling is a service, with its service-linked role.
- ``sagemaker``: SageMaker is a service among the others, behind the same authentication and IAM evaluation.
- ``executions``: executions start at once, and one that failed can be redriven.
- ``workflows``: Step Functions' tasks act as the execution's role.
- ``stacks``: CloudFormation knows our resource types; the CDK hears of a change when it is done; stacks caught by a
  crash do not stay in progress.
- ``stack_events``: the status of a stack is an event.
- ``builds``: CodeBuild's builds are run.
- ``acknowledgement``, ``recorder``, ``state``: what a request changed in any service is on the disk before it is
  answered, and is put back at the next start.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping
from typing import Any

from localcloud import clients
from localcloud.config import Config
from localcloud.gateway import (
    alarms,
    effects,
    environment,
    event_sources,
    function_output,
    resources,
    service_models,
    targets,
)
from localcloud.gateway.acknowledgement import Acknowledgement
from localcloud.gateway.identity import AccessDenied, Caller, Identity
from localcloud.gateway.recorder import StateRecorder
from localcloud.journal import Folder, Journal

__all__ = ["AccessDenied", "Caller", "Gateway"]

# Administration without credentials: any web page could reset the cloud by a cross-site form.
_CLOSED_PATHS = ("/_ministack/reset", "/_ministack/config")


class Gateway:
    """The ASGI application. Create it once a process, before anything imports ministack.

    ``journal`` is started and stopped by whoever serves the application.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        environment.prepare(config)
        self._app = importlib.import_module("ministack.app")
        self.journal = Journal(Folder(config.state_dir / "generations"), StateRecorder())
        effects.notice()
        self._acknowledged = Acknowledgement(self._app.app, self.journal.commit, config.state_dir)
        self.identity = Identity(config)
        service_models.register()
        alarms.register()
        targets.register()
        resources.register(config)
        event_sources.register()
        function_output.register()
        clients.use_role_sessions(self.identity.role_session)

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self._app.app(scope, receive, send)
            return
        if scope["path"].startswith(_CLOSED_PATHS):
            await _not_found(send)
            return
        # ministack derives x-forwarded-proto from the scheme, where the client sent none.
        await self._acknowledged({**scope, "scheme": "https"}, receive, send)

    def publish_event(self, source: str, detail_type: str, detail: Mapping[str, Any], resources: list[str]) -> None:
        """Put one event of a service on the default bus; what its rules do with it is on the disk then.

        Not to be called on the event loop. Raises RuntimeError when the bus refuses it, OSError when the disk does.
        """
        bus = importlib.import_module("ministack.services.eventbridge")
        entry = {
            "Source": source,
            "DetailType": detail_type,
            "Detail": json.dumps(detail),
            "Resources": resources,
        }
        status, _headers, body = bus._put_events({"Entries": [entry]}, allow_aws_source=True)
        if status != 200 or json.loads(body).get("FailedEntryCount"):
            raise RuntimeError(f"EventBridge refused an event {detail_type!r}: {body!r}")
        self.journal.commit_from_thread(effects.PASS_ON)


async def _not_found(send: Any) -> None:
    await send({"type": "http.response.start", "status": 404, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})
