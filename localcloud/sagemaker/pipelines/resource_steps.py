"""Steps that make one resource and, of a job or an endpoint, wait for it."""

from __future__ import annotations

import secrets
from typing import Any

from localcloud.sagemaker.pipelines import caching, retries
from localcloud.sagemaker.pipelines.definition import Step
from localcloud.sagemaker.pipelines.expressions import Scope, evaluate, gets
from localcloud.sagemaker.pipelines.record import identifier
from localcloud.sagemaker.pipelines.reuse import reuse
from localcloud.sagemaker.pipelines.step import Context, StepFailed, plain
from localcloud.sagemaker.pipelines.step_types import REGISTER_MODEL, RESOURCES, TUNING, ResourceStep
from localcloud.sagemaker.store import NotFound

Document = dict[str, Any]

_MAX_TUNED_LISTED = 50
_NAMED_AS_GIVEN = ("Endpoint", "EndpointConfig")


class ResourceSteps:
    """See ``step.Action``."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def begin(self, step: Step, execution: Document, scope: Scope) -> None:
        resource, record = RESOURCES[step.type], execution["_Steps"].get(step.name, {})
        # One that was decided on before the embedded cloud ended keeps its name.
        name = record.get("_Job") or _name(step, resource, execution)
        own = {"TrainingJobName": name} if step.type == "Training" else {"ProcessingJobName": name}
        scope = self._context.scope(execution, **own) if step.type in ("Training", "Processing") else scope
        arguments = evaluate({key: value for key, value in step.arguments.items() if value is not None}, scope)
        if resource.name_member in arguments and step.type not in _NAMED_AS_GIVEN:
            del arguments[resource.name_member]
        key = caching.key(step, arguments)
        if key and reuse(self._context, step, execution, key):
            return
        self._context.record.put(step.name, _Job=name, _CacheKey=key)
        self._create(step, resource, name, self._completed(resource, arguments, execution, scope))

    def watch(self, step: Step, record: Document) -> None:
        resource = RESOURCES[step.type]
        try:
            document = self._context.call.store.get(resource.kind, record["_Job"])
        except NotFound:
            raise StepFailed(f"ClientError: {resource.noun} {record['_Job']} is gone") from None
        status = document[resource.status_member]
        if status == resource.success:
            self._succeed(step, resource, record["_Job"])
        elif status == "Failed":
            reason = document.get("FailureReason", "")
            raise StepFailed(f"ClientError: {reason}", retries.of_job(step.type, reason))
        elif status == "Stopped":
            self._context.record.finish(step.name, "Stopped")

    def stop(self, step: Step, record: Document) -> None:
        resource = RESOURCES[step.type]
        if not resource.stoppable:
            return  # what cannot be stopped is waited for
        try:
            self._context.perform("sagemaker", f"Stop{resource.noun}", **{resource.name_member: record["_Job"]})
        except StepFailed:
            document = self._context.call.store.get(resource.kind, record["_Job"])
            if document[resource.status_member] not in ("Completed", "Failed", "Stopped"):
                raise

    def _completed(self, resource: ResourceStep, arguments: Document, execution: Document, scope: Scope) -> Document:
        """The request with what SageMaker adds: the experiment of the pipeline."""
        config = self._context.plan.document.get("PipelineExperimentConfig")
        if not resource.experiment or not config:
            return arguments
        experiment = {**arguments.get("ExperimentConfig", {}), **evaluate(config, scope)}
        return {**arguments, "ExperimentConfig": experiment}

    def _create(self, step: Step, resource: ResourceStep, name: str, arguments: Document) -> None:
        if step.type == REGISTER_MODEL:
            arn = self._register(arguments)
        else:
            arn = (
                self._existing(resource, name)
                or self._context.perform("sagemaker", resource.create, **{resource.name_member: name, **arguments})[
                    resource.arn_member
                ]
            )
        metadata = {resource.metadata: {"Arn": arn}}
        self._context.record.put(step.name, StepStatus="Executing", Metadata=metadata)
        if resource.status_member is None:
            self._succeed(step, resource, arn if step.type == REGISTER_MODEL else name)

    def _existing(self, resource: ResourceStep, name: str) -> str | None:
        """Made by this step before the embedded cloud ended: the name is the step's own."""
        if resource.noun in _NAMED_AS_GIVEN:
            return None
        try:
            return self._context.call.store.get(resource.kind, name)[resource.arn_member]
        except NotFound:
            return None

    def _register(self, arguments: Document) -> str:
        """A registration makes the group that it names when there is none."""
        group = arguments.get("ModelPackageGroupName")
        if group is not None:
            try:
                self._context.call.store.get("model-package-group", group.rpartition("/")[2])
            except NotFound:
                self._context.perform("sagemaker", "CreateModelPackageGroup", ModelPackageGroupName=group)
        return self._context.perform("sagemaker", "CreateModelPackage", **arguments)["ModelPackageArn"]

    def _succeed(self, step: Step, resource: ResourceStep, name: str) -> None:
        described = self._context.perform("sagemaker", f"Describe{resource.noun}", **{resource.name_member: name})
        if step.type == TUNING and self._lists_tuned(step):
            described["TrainingJobSummaries"] = self._tuned(described)
        self._context.record.finish(step.name, "Succeeded", _Properties=plain(described))

    def _lists_tuned(self, step: Step) -> bool:
        wanted = f"Steps.{step.name}.TrainingJobSummaries"
        return any(path.startswith(wanted) for path in gets(self._context.plan.document["Steps"]))

    def _tuned(self, described: Document) -> list[Document]:
        """The training jobs, the best first."""
        objective = described["HyperParameterTuningJobConfig"]["HyperParameterTuningJobObjective"]
        return self._context.perform(
            "sagemaker",
            "ListTrainingJobsForHyperParameterTuningJob",
            HyperParameterTuningJobName=described["HyperParameterTuningJobName"],
            SortBy="FinalObjectiveMetricValue",
            SortOrder="Descending" if objective["Type"] == "Maximize" else "Ascending",
            MaxResults=_MAX_TUNED_LISTED,
        )["TrainingJobSummaries"]


def _name(step: Step, resource: ResourceStep, execution: Document) -> str:
    """``pipelines-<execution>-<step>-<suffix>``, with a given name in place of the first and third part.

    https://docs.aws.amazon.com/sagemaker/latest/dg/build-and-manage-access.html#build-and-manage-step-permissions-prefix
    """
    given = step.arguments.get(resource.name_member)
    if step.type in _NAMED_AS_GIVEN and isinstance(given, str):
        return given
    run = execution["PipelineExecutionArn"].rpartition("/")[2]
    suffix = identifier(10, secrets.token_hex(16))
    if resource.longest_name < len("pipelines-") + len(run) + len(suffix) + 3:
        before = ""
    else:
        before = f"{given}-" if isinstance(given, str) else "pipelines-"
    middle = "" if before not in ("", "pipelines-") else step.name.replace("_", "-")
    room = resource.longest_name - len(before) - len(run) - len(suffix) - 2
    middle = middle[: max(0, room)].strip("-")
    return f"{before}{run}-{middle}-{suffix}" if middle else f"{before}{run}-{suffix}"
