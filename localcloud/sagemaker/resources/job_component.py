"""The trial component of a job whose request has an ExperimentConfig: made with the job, kept up to date from it.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ExperimentConfig.html
"""

from __future__ import annotations

from localcloud.sagemaker.resources import experiment
from localcloud.sagemaker.resources.resource import Call, Document, Resource
from localcloud.sagemaker.store import NotFound, Store

_START = ("TrainingStartTime", "ProcessingStartTime", "TransformStartTime")
_END = ("TrainingEndTime", "ProcessingEndTime", "TransformEndTime")
_FINAL = ("Completed", "Failed", "Stopped")


def check(call: Call, request: Document) -> None:
    """Raise ResourceNotFound when the request names an experiment or a trial that is not there."""
    config = request.get("ExperimentConfig", {})
    if "ExperimentName" in config:
        experiment.EXPERIMENT.find(call, config["ExperimentName"])
    if "TrialName" in config:
        experiment.TRIAL.find(call, config["TrialName"])


def record(call: Call, resource: Resource, job: Document) -> None:
    """Make the component of a new job, in the trial that its ExperimentConfig names or else in a new one."""
    config = job.get("ExperimentConfig", {})
    if not config.keys() & {"ExperimentName", "TrialName"}:
        return
    name = _name(resource.kind, job[resource.name_member])
    trial = config.get("TrialName")
    if trial is None:
        trial = name
        experiment.OPERATIONS["CreateTrial"](call, {"TrialName": trial, "ExperimentName": config["ExperimentName"]})
    component = {
        "TrialComponentName": name,
        "DisplayName": config.get("TrialComponentDisplayName", name),
        "Source": {"SourceArn": job[resource.arn_member], "SourceType": f"SageMaker{resource.noun}"},
        "Parameters": {key: {"StringValue": value} for key, value in job.get("HyperParameters", {}).items()},
        "Status": {"PrimaryStatus": "InProgress"},
    }
    experiment.OPERATIONS["CreateTrialComponent"](call, component)
    experiment.OPERATIONS["AssociateTrialComponent"](call, {"TrialComponentName": name, "TrialName": trial})


class ComponentRecorder:
    """Carries what becomes of jobs over to their components: status, times, metrics."""

    def __init__(self, store: Store, resources: tuple[Resource, ...]) -> None:
        self._store = store
        self._resources = {resource.kind: resource for resource in resources}
        store.subscribe(self._changed)

    def _changed(self, kind: str, before: Document | None, after: Document | None) -> None:
        resource = self._resources.get(kind)
        if resource is None or after is None or "ExperimentConfig" not in after:
            return
        try:
            self._store.update(
                experiment.COMPONENT.kind,
                _name(kind, after[resource.name_member]),
                lambda component: component.update(_observed(resource, after)),
            )
        except NotFound:
            return  # the job is new, and its component comes next; or a person deleted it


def _name(kind: str, job: str) -> str:
    """SageMaker's own names: `<job>-aws-training-job`."""
    return f"{job}-aws-{kind}"


def _observed(resource: Resource, job: Document) -> Document:
    status = job[resource.status_member]
    found = {
        "Status": {"PrimaryStatus": status, "Message": job.get("FailureReason", job.get("SecondaryStatus", status))},
        "LastModifiedTime": job.get("LastModifiedTime", job["CreationTime"]),
        "Metrics": [
            {
                "MetricName": metric["MetricName"],
                "SourceArn": job[resource.arn_member],
                "TimeStamp": metric["Timestamp"],
                "Last": metric["Value"],
            }
            for metric in job.get("FinalMetricDataList", [])
        ],
    }
    started, ended = _first(job, _START), _first(job, _END) if status in _FINAL else None
    found |= {"StartTime": started} if started else {}
    return found | ({"EndTime": ended} if ended else {})


def _first(job: Document, members: tuple[str, ...]) -> float | None:
    return next((job[member] for member in members if member in job), None)
