"""Condition, Fail, Lambda and Callback steps."""

from __future__ import annotations

import json
import secrets
import threading
from typing import Any

from localcloud.sagemaker.pipelines import caching, conditions
from localcloud.sagemaker.pipelines.definition import Step
from localcloud.sagemaker.pipelines.expressions import Scope, evaluate, text
from localcloud.sagemaker.pipelines.record import CALLBACK_TOKEN, identifier
from localcloud.sagemaker.pipelines.reuse import reuse
from localcloud.sagemaker.pipelines.step import Context, StepFailed

Document = dict[str, Any]

_TYPES: dict[str, tuple[type, ...]] = {"String": (str,), "Integer": (int,), "Float": (int, float), "Boolean": (bool,)}
_READ = {"String": str, "Integer": int, "Float": float, "Boolean": lambda value: value.lower() == "true"}
_LOST = "InternalServerError: the embedded cloud was restarted while the function ran; whether it ended is not known"


class ConditionSteps:
    """See ``step.Action``. A condition is decided at once."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def begin(self, step: Step, execution: Document, scope: Scope) -> None:
        outcome = str(all([conditions.holds(condition, scope) for condition in step.arguments["Conditions"]]))
        self._context.record.finish(
            step.name, "Succeeded", Metadata={"Condition": {"Outcome": outcome}}, _Properties={"Outcome": outcome}
        )

    def watch(self, step: Step, record: Document) -> None:
        """It has ended already."""

    def stop(self, step: Step, record: Document) -> None:
        """It has ended already."""


class FailSteps:
    """See ``step.Action``. The step fails at once, and with it the execution."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def begin(self, step: Step, execution: Document, scope: Scope) -> None:
        message = text(evaluate(step.arguments["ErrorMessage"], scope))[:3072]
        self._context.record.put(step.name, Metadata={"Fail": {"ErrorMessage": message}})
        raise StepFailed(f"ClientError: {message}")

    def watch(self, step: Step, record: Document) -> None:
        """It has ended already."""

    def stop(self, step: Step, record: Document) -> None:
        """It has ended already."""


class LambdaSteps:
    """See ``step.Action``. The function is called on a thread of its own; it cannot be stopped, and is waited for."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._answers: dict[str, Document | StepFailed] = {}
        self._called: set[str] = set()

    def begin(self, step: Step, execution: Document, scope: Scope) -> None:
        payload, arn = evaluate(step.arguments, scope), evaluate(step.document["FunctionArn"], scope)
        key = caching.key(step, payload)
        if key and reuse(self._context, step, execution, key):
            return
        self._context.record.put(
            step.name, StepStatus="Executing", Metadata={"Lambda": {"Arn": arn}}, _CacheKey=key, _Job=arn
        )
        self._called.add(step.name)
        threading.Thread(
            target=self._call, args=(step.name, arn, payload), name=f"pipeline-{step.name}", daemon=True
        ).start()

    def watch(self, step: Step, record: Document) -> None:
        if step.name not in self._called:
            raise StepFailed(_LOST)
        answer = self._answers.pop(step.name, None)
        if isinstance(answer, StepFailed):
            raise answer
        if answer is not None:
            arn = record["Metadata"]["Lambda"]["Arn"]
            outputs = {name: answer.get(name) for name in _declared(step)}
            _finish_with_outputs(self._context, step, "Lambda", {"Arn": arn}, outputs)

    def stop(self, step: Step, record: Document) -> None:
        """StopPipelineExecution: "the pipeline waits for the Lambda function to finish"."""

    def _call(self, name: str, arn: str, payload: Document) -> None:
        try:
            self._answers[name] = self._invoke(arn, payload)
        except StepFailed as failure:
            self._answers[name] = failure
        except Exception as error:  # of the SDK, outside of its own hierarchy: the step must not wait for ever
            self._answers[name] = StepFailed(f"InternalServerError: {type(error).__name__}: {error}")
        self._context.wake()

    def _invoke(self, arn: str, payload: Document) -> Document:
        answer = self._context.perform("lambda", "Invoke", FunctionName=arn, Payload=json.dumps(payload).encode())
        body = answer["Payload"].read().decode() or "null"
        if "FunctionError" in answer:
            raise StepFailed(f"ClientError: The Lambda function {arn} failed: {body}")
        found = json.loads(body)
        return found if isinstance(found, dict) else {}


class CallbackSteps:
    """See ``step.Action``. A message with a token goes to the queue; whoever has the token answers."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def begin(self, step: Step, execution: Document, scope: Scope) -> None:
        arguments, queue = evaluate(step.arguments, scope), evaluate(step.document["SqsQueueUrl"], scope)
        key = caching.key(step, arguments)
        if key and reuse(self._context, step, execution, key):
            return
        before = execution["_Steps"].get(step.name, {}).get("Metadata", {}).get("Callback", {})
        token = before.get("CallbackToken") or self._token(step)
        message = {"token": token, "pipelineExecutionArn": execution["PipelineExecutionArn"], "arguments": arguments}
        metadata = {"Callback": {"CallbackToken": token, "SqsQueueUrl": queue}}
        # First the token, then the message: what is sent again after a restart carries the same.
        self._context.record.put(step.name, Metadata=metadata, _CacheKey=key, _Message=message)
        self._send(queue, message, "Executing")
        self._context.record.put(step.name, StepStatus="Executing")

    def watch(self, step: Step, record: Document) -> None:
        answer = record.get("_Answer")
        if answer is None:
            return
        self._forget(record)
        if record["StepStatus"] == "Stopping":
            self._context.record.finish(step.name, "Stopped")
            return
        if "FailureReason" in answer:
            raise StepFailed(f"ClientError: {answer['FailureReason']}")
        outputs = _read_outputs(step, answer["OutputParameters"])
        _finish_with_outputs(self._context, step, "Callback", record["Metadata"]["Callback"], outputs)

    def stop(self, step: Step, record: Document) -> None:
        """ "Only when SageMaker Pipelines receives one of these calls will it stop the pipeline execution"."""
        self._send(record["Metadata"]["Callback"]["SqsQueueUrl"], record["_Message"], "Stopping")

    def _token(self, step: Step) -> str:
        token = identifier(10, secrets.token_hex(16))
        self._context.call.store.create(
            CALLBACK_TOKEN, token, {"Execution": self._context.record.name, "Step": step.name}
        )
        return token

    def _send(self, queue: str, message: Document, status: str) -> None:
        body = json.dumps({**message, "status": status})
        self._context.perform("sqs", "SendMessage", QueueUrl=queue, MessageBody=body)

    def _forget(self, record: Document) -> None:
        self._context.call.store.delete(CALLBACK_TOKEN, record["Metadata"]["Callback"]["CallbackToken"])


def _declared(step: Step) -> dict[str, str]:
    """Output name -> type."""
    return {
        output["OutputName"]: output.get("OutputType", "String")
        for output in step.document.get("OutputParameters") or []
    }


def _read_outputs(step: Step, given: list[Document]) -> Document:
    """Output name -> value of the declared type."""
    strings, found = {output["Name"]: output["Value"] for output in given}, {}
    for name, kind in _declared(step).items():
        try:
            found[name] = _READ[kind](strings[name]) if name in strings else None
        except ValueError as error:
            raise StepFailed(f"ClientError: the output {name} is {strings[name]!r}, which is no {kind}") from error
    return found


def _finish_with_outputs(context: Context, step: Step, member: str, metadata: Document, outputs: Document) -> None:
    """Raises StepFailed for an output that is missing or of another type."""
    for name, kind in _declared(step).items():
        value = outputs[name]
        if value is None:
            raise StepFailed(f"ClientError: the output {name} of step {step.name} is missing")
        if not isinstance(value, _TYPES[kind]) or (isinstance(value, bool) and kind != "Boolean"):
            raise StepFailed(f"ClientError: the output {name} of step {step.name} is {value!r}, which is no {kind}")
    listed = [{"Name": name, "Value": text(value)} for name, value in outputs.items()]
    context.record.finish(
        step.name,
        "Succeeded",
        Metadata={member: {**metadata, "OutputParameters": listed}},
        _Properties={"OutputParameters": outputs},
    )
