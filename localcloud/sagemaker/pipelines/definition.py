"""A pipeline definition as a plan of steps, and the checks that CreatePipeline makes of it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any

from localcloud.sagemaker.errors import ValidationException
from localcloud.sagemaker.pipelines import conditions, parameters
from localcloud.sagemaker.pipelines.durations import seconds
from localcloud.sagemaker.pipelines.expressions import gets, referenced_steps
from localcloud.sagemaker.pipelines.step_types import CALLBACK, CONDITION, FAIL, LAMBDA, RESOURCES, SUPPORTED
from localcloud.sagemaker.service_model import operation_model

Document = dict[str, Any]

VERSION = "2020-12-01"
_NAME = re.compile(r"[A-Za-z0-9\-_]{1,64}")
_MEMBERS = {
    "Name", "Type", "Arguments", "DependsOn", "DisplayName", "Description", "RetryPolicies", "CacheConfig",
    "PropertyFiles", "FunctionArn", "SqsQueueUrl", "OutputParameters",
}  # fmt: skip
_EXECUTION = {
    "StartDateTime", "CurrentDateTime", "PipelineName", "PipelineArn", "PipelineExecutionId", "PipelineExecutionArn",
    "TrainingJobName", "ProcessingJobName",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step. ``needs`` are the steps that must succeed before; ``branch`` is a Condition step and its outcome."""

    name: str
    type: str
    document: Document
    needs: frozenset[str]
    branch: tuple[str, str] | None

    @property
    def arguments(self) -> Document:
        return self.document["Arguments"]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A definition, its steps in the order in which it has them, those of branches after their Condition step."""

    document: Document
    steps: Mapping[str, Step]

    @property
    def parameters(self) -> list[Document]:
        return self.document.get("Parameters") or []


def parse(text: str) -> Plan:
    """Raises ValidationException for what SageMaker refuses, and for what the embedded cloud does not cover."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _refuse(f"it is no JSON: {error}") from error
    if not isinstance(document, dict) or not isinstance(document.get("Steps"), list):
        raise _refuse("it must be an object with a list of Steps")
    if document.get("Version") != VERSION:
        raise _refuse(f"the Version is {document.get('Version')!r}; it must be {VERSION!r}")
    if document.get("MlflowConfig"):
        raise _refuse("the embedded cloud does not cover MlflowConfig")
    steps: dict[str, Step] = {}
    for step in _flatten(document["Steps"], None):
        if step.name in steps:
            raise _refuse(f"the step name {step.name!r} is not unique")
        steps[step.name] = step
    plan = Plan(document=document, steps=steps)
    _check(plan)
    return plan


def _refuse(reason: str) -> ValidationException:
    return ValidationException(f"Unable to parse pipeline definition: {reason}")


def _flatten(documents: list[Document], branch: tuple[str, str] | None) -> Iterator[Step]:
    for document in documents:
        step = _step(document, branch)
        yield step
        if step.type == CONDITION:
            for member, outcome in (("IfSteps", "True"), ("ElseSteps", "False")):
                yield from _flatten(step.arguments.get(member) or [], (step.name, outcome))


def _step(document: Any, branch: tuple[str, str] | None) -> Step:
    if not isinstance(document, dict):
        raise _refuse(f"{document!r} is no step")
    name, kind = document.get("Name"), document.get("Type")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise _refuse(f"the step name {name!r} does not match {_NAME.pattern}")
    if kind not in SUPPORTED:
        raise _refuse(f"step {name}: the embedded cloud does not cover steps of type {kind!r}")
    if unknown := sorted(document.keys() - _MEMBERS):
        raise _refuse(f"step {name}: unknown property {unknown[0]!r}")
    if not isinstance(document.get("Arguments"), dict):
        raise _refuse(f"step {name}: Arguments must be an object")
    depends = document.get("DependsOn") or []
    if not isinstance(depends, list):
        raise _refuse(f"step {name}: DependsOn must be a list")
    if conditional := [entry for entry in depends if not isinstance(entry, str)]:
        raise _refuse(f"step {name}: the embedded cloud does not cover the run condition {conditional[0]}")
    _check_arguments(name, kind, document)
    # What the steps of branches need is their own affair.
    own = {**document, "Arguments": {"Conditions": document["Arguments"].get("Conditions")}}
    needs = {*depends, *referenced_steps(own if kind == CONDITION else document)}
    return Step(name=name, type=kind, document=document, needs=frozenset(needs), branch=branch)


def _check_arguments(name: str, kind: str, document: Document) -> None:
    arguments = document["Arguments"]
    if kind in RESOURCES:
        known = operation_model(RESOURCES[kind].create).input_shape.members
        if unknown := sorted(arguments.keys() - known.keys()):
            raise _refuse(f"step {name}: {RESOURCES[kind].create} has no property {unknown[0]!r}")
    required = {CONDITION: ("Conditions",), FAIL: ("ErrorMessage",)}.get(kind, ())
    missing = [member for member in required if member not in arguments]
    missing += [
        member
        for member in {LAMBDA: ["FunctionArn"], CALLBACK: ["SqsQueueUrl"]}.get(kind, [])
        if member not in document
    ]
    if missing:
        raise _refuse(f"step {name}: {missing[0]} is missing")
    try:
        seconds((document.get("CacheConfig") or {}).get("ExpireAfter"))
    except ValueError as error:
        raise _refuse(f"step {name}: {error}") from error
    if kind == CONDITION:
        _check_conditions(name, arguments["Conditions"])


def _check_conditions(name: str, found: Any) -> None:
    if not isinstance(found, list):
        raise _refuse(f"step {name}: Conditions must be a list")
    try:
        for condition in found:
            conditions.check(condition)
    except ValueError as error:
        raise _refuse(f"step {name}: {error}") from error


def _check(plan: Plan) -> None:
    parameters.check_declarations(plan.parameters)
    _check_values(plan)
    graph: dict[str, set[str]] = {}
    for step in plan.steps.values():
        if unknown := sorted(step.needs - plan.steps.keys()):
            raise _refuse(f"step {step.name} depends on the step {unknown[0]!r}, which is not defined")
        graph[step.name] = {*step.needs, *([step.branch[0]] if step.branch else [])}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        raise _refuse(f"the steps depend on each other: {' -> '.join(error.args[1])}") from error


def _check_values(plan: Plan) -> None:
    declared = {"Parameters": {parameter["Name"] for parameter in plan.parameters}, "Execution": _EXECUTION}
    for path in gets([plan.document["Steps"], plan.document.get("PipelineExperimentConfig")]):
        root, _, name = path.partition(".")
        if root != "Steps" and name not in declared.get(root, ()):
            raise _refuse(f"{path!r} is not defined")
