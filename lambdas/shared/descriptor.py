"""The workload descriptor: what infra writes of a manifest to SSM, `/slipway/{stage}/workloads/{workload}`
(docs/contract.md).
"""

from typing import Any, NotRequired, TypedDict

from botocore.exceptions import ClientError

from shared import strict_json
from shared.clients import error_code
from shared.errors import InvalidDescriptor, UnknownWorkload
from shared.names import WORKLOAD


class Data(TypedDict):
    bucket: str
    prefix: str
    channels: dict[str, list[str]]


class Artifacts(TypedDict):
    bucket: str
    prefix: str


class HyperparameterSpec(TypedDict):
    type: str
    default: NotRequired[Any]
    minimum: NotRequired[float | None]
    maximum: NotRequired[float | None]
    choices: NotRequired[list[Any] | None]


class Checks(TypedDict):
    image_uri: str
    role_arn: str
    checker_uri: str
    rules_uri: str
    channels: list[str]
    instance_type: str
    volume_gb: int
    max_runtime_seconds: int


class ProcessingStep(TypedDict):
    name: str
    image_uri: str
    script: str
    instance_type: str
    instance_count: int
    volume_gb: int
    max_runtime_seconds: int
    parameters: dict[str, Any]
    inputs: dict[str, str]
    outputs: list[str]


class Processing(TypedDict):
    role_arn: str
    steps: list[ProcessingStep]


class Training(TypedDict):
    channels: list[str]
    image_uri: str
    role_arn: str
    entrypoint_uri: str
    code_uri: str
    script: str | None
    instance_type: str
    instance_count: int
    volume_gb: int
    max_runtime_seconds: int
    spot_max_wait_seconds: int | None
    hyperparameters: dict[str, HyperparameterSpec]
    metrics: list[dict[str, str]]
    environment: dict[str, str]


class Tuning(TypedDict):
    job_prefix: str
    starter_uri: str | None
    objective: str
    goal: str
    strategy: str
    max_jobs: int
    max_parallel_jobs: int
    ranges: dict[str, dict[str, Any]]


class Evaluation(TypedDict):
    image_uri: str
    role_arn: str
    instance_type: str
    volume_gb: int
    max_runtime_seconds: int
    channel: str
    evaluator_uri: str | None
    label_column: str | int | None


class Gate(TypedDict):
    metric: str
    goal: str
    minimum: float | None
    max_regression: float | None
    slices: NotRequired[dict[str, Any]]
    max_latency_ms: NotRequired[float]
    max_latency_ratio: NotRequired[float]
    max_model_mb: NotRequired[float]


class Autoscaling(TypedDict):
    minimum: int
    maximum: int
    invocations_per_instance: int
    scale_out_cooldown_seconds: int
    scale_in_cooldown_seconds: int


class Serverless(TypedDict):
    memory_mb: int
    max_concurrency: int
    provisioned_concurrency: int | None


class Serving(TypedDict):
    image_uri: str
    role_arn: str
    instance_type: str
    instance_count: int
    autoscaling: Autoscaling | None
    serverless: Serverless | None
    variant: str
    environment: dict[str, str]
    sample_request: Any


class Latency(TypedDict):
    """How much slower than the model that serves a new one may be, by the alarm of this name."""

    ratio: float
    alarm: str
    no_limit_us: int


class Rollout(TypedDict):
    """Which of the optional keys there are depends on the strategy (infra/manifest_rollout.py)."""

    strategy: str
    alarms: list[str]
    versions_kept: int
    latency: Latency | None
    bake_seconds: NotRequired[int]
    size_percent: NotRequired[int]
    step_percent: NotRequired[int]
    interval_seconds: NotRequired[int]
    batch_percent: NotRequired[int]
    mirror_percent: NotRequired[int]
    watch_seconds: NotRequired[int]
    max_latency_ratio: NotRequired[float]
    steps: NotRequired[list[int]]


class Quality(TypedDict):
    metric: str
    field: str | None


class Monitoring(TypedDict):
    state_machine_arn: str
    image_uri: str
    role_arn: str
    monitor_uri: str
    instance_type: str
    volume_gb: int
    max_runtime_seconds: int
    sampling_percent: int
    window_hours: int
    baseline_requests: int
    minimum_requests: int
    threshold: float
    quality: Quality | None


class Triggers(TypedDict):
    objects: bool
    schedule: str | None
    api: bool
    on_deploy: bool
    debounce_seconds: int
    cooldown_seconds: int


class Descriptor(TypedDict):
    name: str
    description: str
    train_state_machine_arn: str
    rollout_state_machine_arn: str
    endpoint_name: str
    model_package_group: str
    job_prefix: str
    kms_key_arn: str
    data: Data
    artifacts: Artifacts
    checks: Checks | None
    processing: Processing | None
    training: Training
    tuning: Tuning | None
    evaluation: Evaluation
    gate: Gate
    approval: str
    serving: Serving
    rollout: Rollout
    monitoring: Monitoring | None
    triggers: Triggers


_SECTIONS: dict[str, Any] = {
    "data": Data,
    "artifacts": Artifacts,
    "training": Training,
    "evaluation": Evaluation,
    "gate": Gate,
    "serving": Serving,
    "rollout": Rollout,
    "triggers": Triggers,
}


_OPTIONAL_SECTIONS: dict[str, Any] = {
    "checks": Checks,
    "processing": Processing,
    "tuning": Tuning,
    "monitoring": Monitoring,
}
"""Null where the manifest has no such part."""


def step_outputs(descriptor: Descriptor) -> set[str]:
    """The channels that processing steps write."""
    processing = descriptor["processing"]
    return {name for step in processing["steps"] for name in step["outputs"]} if processing else set()


def read(ssm: Any, *, path: str, workload: str) -> Descriptor:
    """The descriptor of `workload`. `UnknownWorkload` when there is none, `InvalidDescriptor` when a key is missing."""
    if not WORKLOAD.fullmatch(workload):
        raise UnknownWorkload(f"there is no workload named {workload[:64]!r}")
    name = f"{path}/{workload}"
    try:
        value = ssm.get_parameter(Name=name)["Parameter"]["Value"]
    except ClientError as error:
        if error_code(error) == "ParameterNotFound":
            raise UnknownWorkload(
                f"there is no workload named {workload!r} (SSM parameter {name} does not exist)"
            ) from error
        raise
    return parse(value, name=name)


def read_all(ssm: Any, *, path: str) -> list[Descriptor]:
    """Every descriptor under `path`, in the order of the names."""
    pages = ssm.get_paginator("get_parameters_by_path").paginate(Path=path)
    found = [parameter for page in pages for parameter in page["Parameters"]]
    return [parse(item["Value"], name=item["Name"]) for item in sorted(found, key=lambda item: item["Name"])]


def parse(value: str, *, name: str) -> Descriptor:
    """The descriptor in the SSM parameter `name`, with every key that the contract gives it."""
    try:
        document = strict_json.loads(value.encode())
    except ValueError as error:
        raise InvalidDescriptor(f"SSM parameter {name} is not JSON: {error}") from error
    _require_keys(document, Descriptor, where=name)
    for section, shape in _SECTIONS.items():
        _require_keys(document[section], shape, where=f"{name}: {section}")
    for section, shape in _OPTIONAL_SECTIONS.items():
        if document[section] is not None:
            _require_keys(document[section], shape, where=f"{name}: {section}")
    return document


def _require_keys(document: Any, shape: Any, *, where: str) -> None:
    if not isinstance(document, dict):
        raise InvalidDescriptor(f"{where} must be a JSON object, found {type(document).__name__}")
    missing = sorted(shape.__required_keys__ - document.keys())
    if missing:
        raise InvalidDescriptor(f"{where} lacks {', '.join(missing)}: deploy the workload's stack again")
