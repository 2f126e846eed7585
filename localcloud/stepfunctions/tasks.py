"""What a Task state's resource ARN asks for.

https://docs.aws.amazon.com/step-functions/latest/dg/integrate-services.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from localcloud.config import Config
from localcloud.stepfunctions import naming, synchronous
from localcloud.stepfunctions.calls import Api, Task
from localcloud.stepfunctions.changes import Changes
from localcloud.stepfunctions.errors import PERMISSIONS, RUNTIME, TaskError

_INTEGRATION = re.compile(
    r"^arn:aws:states:::(?P<sdk>aws-sdk:)?(?P<service>[a-z0-9-]+):(?P<action>[A-Za-z0-9]+)"
    r"(?P<sync>\.sync(:2)?)?(\.waitForTaskToken)?$"
)
_FUNCTION = re.compile(r"^arn:aws:lambda:[^:]+:\d{12}:function:.+$")
# Errors of the function's sandbox, not of its code.
_SANDBOX = ("Sandbox.", "Runtime.ExitError", "Runtime.OutOfMemory")
_SAGEMAKER = frozenset({*synchronous.JOBS, "createModel", "createEndpointConfig", "createEndpoint", "updateEndpoint"})
_DYNAMODB = frozenset({"putItem", "getItem", "deleteItem", "updateItem"})

Authorized = Callable[[Task, str, str], bool]


class TaskRunner:
    """Performs tasks. ``authorized(task, action, arn)`` tells what the task's role may do, besides its API calls;
    ``changes`` that something a task waits for may have ended.
    """

    def __init__(self, config: Config, authorized: Authorized, changes: Changes) -> None:
        self._config = config
        self._authorized = authorized
        self._changes = changes

    def run(self, task: Task, resource: str, arguments: Any) -> Any:
        """The task's result. Raises TaskError."""
        if _FUNCTION.match(resource):
            return self.invoke_function(task, resource, arguments)["Payload"]
        match = _INTEGRATION.match(resource)
        if match is None:
            raise TaskError(RUNTIME, f"The resource {resource} is not recognized")
        if not isinstance(arguments, dict):
            raise TaskError(RUNTIME, f"The arguments of {resource} must be an object")
        if match["sdk"]:
            return self._sdk(task, resource, match, arguments)
        handler = self._optimized(match["service"], match["action"])
        if handler is None:
            raise TaskError(RUNTIME, f"The embedded cloud does not have the integration {resource}")
        return handler(task, match, arguments)

    def invoke_function(self, task: Task, name: str, payload: Any, **arguments: Any) -> dict[str, Any]:
        """lambda:Invoke. The function's own error becomes the task's, its payload the cause."""
        request = {"FunctionName": name, "Payload": json.dumps(payload), **arguments}
        answer = self._api(task, "lambda").call("Invoke", request)
        text = answer.get("Payload") or ""
        if "FunctionError" in answer:
            failure = json.loads(text)
            error = failure.get("errorType") or "Lambda.Unknown"
            raise TaskError("Lambda.Unknown" if error.startswith(_SANDBOX) else error, text)
        return {**answer, "Payload": json.loads(text) if text else {}}

    def _api(self, task: Task, service: str, optimized: bool = True) -> Api:
        return Api(config=self._config, task=task, service=service, optimized=optimized)

    def _sdk(self, task: Task, resource: str, match: re.Match[str], arguments: dict[str, Any]) -> dict[str, Any]:
        service = naming.botocore_service(match["service"])
        if service is None or match["sync"]:
            raise TaskError(RUNTIME, f"The resource {resource} is not recognized")
        operation = match["action"][0].upper() + match["action"][1:]
        return self._api(task, service, optimized=False).call(operation, arguments)

    def _optimized(self, service: str, action: str) -> Callable[..., Any] | None:
        if service == "sagemaker" and action in _SAGEMAKER:
            return self._sagemaker
        if service == "dynamodb" and action in _DYNAMODB:
            return self._dynamodb
        return {
            ("lambda", "invoke"): self._lambda,
            ("sqs", "sendMessage"): self._sqs,
            ("sns", "publish"): self._sns,
            ("events", "putEvents"): self._events,
            ("states", "startExecution"): self._states,
        }.get((service, action))

    def _sagemaker(self, task: Task, match: re.Match[str], arguments: dict[str, Any]) -> dict[str, Any]:
        api, action = self._api(task, "sagemaker"), match["action"]
        if not match["sync"]:
            return api.call(action[0].upper() + action[1:], arguments)
        if match["sync"] != ".sync" or action not in synchronous.JOBS:
            raise TaskError(RUNTIME, f"The resource {match[0]} is not recognized")
        return self._wait(api, synchronous.JOBS[action], arguments)

    def _states(self, task: Task, match: re.Match[str], arguments: dict[str, Any]) -> dict[str, Any]:
        api = self._api(task, "stepfunctions")
        request = {**arguments, "Input": _text(arguments.get("Input", {}))}
        if not match["sync"]:
            return _capitalised(api.call("StartExecution", request))
        result = _capitalised(self._wait(api, synchronous.EXECUTION, request))
        if match["sync"] == ".sync:2":
            result |= {name: json.loads(result[name]) for name in ("Input", "Output") if result.get(name)}
        return result

    def _wait(self, api: Api, what: synchronous.Waitable, arguments: dict[str, Any]) -> dict[str, Any]:
        """Step Functions hears of the end through a managed rule, which the role must be allowed to set up."""
        rule = f"arn:aws:events:{self._config.region}:{self._config.account}:rule/{what.rule}"
        for action in ("events:PutTargets", "events:PutRule", "events:DescribeRule"):
            if not self._authorized(api.task, action, rule):
                raise TaskError(
                    PERMISSIONS,
                    f"{api.task.role_arn} is not authorized to create managed-rule: {action} on resource {rule}",
                )
        if what.arn_type:
            self._require_tags(api, what, arguments)
        return synchronous.run(api, what, arguments, self._changes)

    def _require_tags(self, api: Api, what: synchronous.Waitable, arguments: dict[str, Any]) -> None:
        """Step Functions knows the jobs that it started by their tags; AWS's policies for ``.sync`` let it list them.

        https://docs.aws.amazon.com/step-functions/latest/dg/connect-sagemaker.html#sagemaker-iam
        """
        name = str(arguments.get(what.name, "")).lower()
        arn = f"arn:aws:sagemaker:{self._config.region}:{self._config.account}:{what.arn_type}/{name}"
        if not self._authorized(api.task, f"sagemaker:{what.start}", arn):
            return  # which the call itself says
        if not self._authorized(api.task, "sagemaker:ListTags", arn):
            prefix, error = naming.optimized_names(api.service)
            raise TaskError(
                f"{prefix}.{error}",
                f"User: {api.task.role_arn} is not authorized to perform: sagemaker:ListTags on resource: {arn}",
            )

    def _lambda(self, task: Task, _match: re.Match[str], arguments: dict[str, Any]) -> dict[str, Any]:
        others = {name: value for name, value in arguments.items() if name not in ("FunctionName", "Payload")}
        if not arguments.get("FunctionName"):
            raise TaskError(RUNTIME, 'The field "FunctionName" is required by lambda:invoke but was missing')
        return self.invoke_function(task, arguments["FunctionName"], arguments.get("Payload", {}), **others)

    def _sqs(self, task: Task, _match: re.Match[str], arguments: dict[str, Any]) -> dict[str, Any]:
        body = {"MessageBody": _text(arguments["MessageBody"])} if "MessageBody" in arguments else {}
        return self._api(task, "sqs").call("SendMessage", {**arguments, **body})

    def _sns(self, task: Task, _match: re.Match[str], arguments: dict[str, Any]) -> dict[str, Any]:
        message = {"Message": _text(arguments["Message"])} if "Message" in arguments else {}
        return self._api(task, "sns").call("Publish", {**arguments, **message})

    def _dynamodb(self, task: Task, match: re.Match[str], arguments: dict[str, Any]) -> dict[str, Any]:
        return self._api(task, "dynamodb").call(match["action"][0].upper() + match["action"][1:], arguments)

    def _events(self, task: Task, _match: re.Match[str], arguments: dict[str, Any]) -> dict[str, Any]:
        entries = [
            {**entry, "Detail": _text(entry["Detail"])} if "Detail" in entry else entry
            for entry in arguments.get("Entries", [])
        ]
        result = self._api(task, "events").call("PutEvents", {**arguments, "Entries": entries})
        if result.get("FailedEntryCount"):
            raise TaskError("EventBridge.FailedEntry", json.dumps(result))
        return result


def _text(value: Any) -> str:
    """Objects are sent as JSON text."""
    return value if isinstance(value, str) else json.dumps(value)


def _capitalised(result: Mapping[str, Any]) -> dict[str, Any]:
    return {naming.sdk_name(name): value for name, value in result.items()}
