"""The step types that are one resource of the API: which operations make, watch and stop it."""

from __future__ import annotations

from dataclasses import dataclass

from localcloud.sagemaker.service_model import operation_model


@dataclass(frozen=True, kw_only=True)
class ResourceStep:
    """One step type. ``noun`` names the operations (``CreateTrainingJob``), ``kind`` the store's kind.

    Without ``status_member`` the resource is there as soon as it was made. ``metadata`` is its member of
    PipelineExecutionStepMetadata.
    """

    noun: str
    kind: str
    metadata: str
    status_member: str | None = None
    success: str = "Completed"
    stoppable: bool = False
    cached: bool = False
    experiment: bool = False

    @property
    def create(self) -> str:
        return f"Create{self.noun}"

    @property
    def name_member(self) -> str:
        return f"{self.noun}Name"

    @property
    def arn_member(self) -> str:
        return f"{self.noun}Arn"

    @property
    def longest_name(self) -> int:
        return operation_model(self.create).input_shape.members[self.name_member].metadata["max"]


def _job(noun: str, kind: str, metadata: str, *, experiment: bool = True) -> ResourceStep:
    return ResourceStep(
        noun=noun,
        kind=kind,
        metadata=metadata,
        status_member=f"{noun}Status",
        stoppable=True,
        cached=True,
        experiment=experiment,
    )


REGISTER_MODEL = "RegisterModel"
TUNING = "Tuning"
RESOURCES: dict[str, ResourceStep] = {
    "Training": _job("TrainingJob", "training-job", "TrainingJob"),
    "Processing": _job("ProcessingJob", "processing-job", "ProcessingJob"),
    "Transform": _job("TransformJob", "transform-job", "TransformJob"),
    TUNING: _job("HyperParameterTuningJob", "hyper-parameter-tuning-job", "TuningJob", experiment=False),
    "Model": ResourceStep(noun="Model", kind="model", metadata="Model"),
    REGISTER_MODEL: ResourceStep(noun="ModelPackage", kind="model-package", metadata="RegisterModel"),
    "EndpointConfig": ResourceStep(noun="EndpointConfig", kind="endpoint-config", metadata="EndpointConfig"),
    "Endpoint": ResourceStep(
        noun="Endpoint", kind="endpoint", metadata="Endpoint", status_member="EndpointStatus", success="InService"
    ),
}
CONDITION, FAIL, LAMBDA, CALLBACK = "Condition", "Fail", "Lambda", "Callback"
SUPPORTED = frozenset({*RESOURCES, CONDITION, FAIL, LAMBDA, CALLBACK})
WATCHED_KINDS = frozenset(step.kind for step in RESOURCES.values() if step.status_member)
