"""The document that tells Lambdas and the command line what a workload is made of (`docs/contract.md`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from infra.batch.batch import Batch
from infra.context import WorkloadContext
from infra.images.serving_image import ServingImage
from infra.manifest_processing import ProcessingStep
from infra.manifest_rollout import latency_ratio
from infra.monitoring.alarms import NO_LIMIT_MICROSECONDS, SLOWER
from infra.monitoring.monitoring import Monitoring
from infra.rollout.rollout import Rollout
from infra.training.code import TrainingCode
from infra.training.training import Training

VARIANT = "primary"
SPLIT_VARIANTS = ("blue", "green")
"""The production variants of the strategy ab, in turns: one serves, the other is the next challenger."""


@dataclass(frozen=True, kw_only=True)
class WorkloadParts:
    """The constructs that the descriptor names resources of."""

    code: TrainingCode
    serving_image: ServingImage
    training: Training
    rollout: Rollout
    batch: Batch
    monitoring: Monitoring | None
    alarm_names: list[str]


def descriptor(context: WorkloadContext, parts: WorkloadParts) -> dict[str, Any]:
    """Values may be CloudFormation tokens: turn it into text with `infra.documents.to_parameter`."""
    manifest, names = context.workload.manifest, context.names
    return {
        "name": manifest.name,
        "description": manifest.description,
        "train_state_machine_arn": parts.training.machine.state_machine.state_machine_arn,
        "rollout_state_machine_arn": parts.rollout.machine.state_machine.state_machine_arn,
        "endpoint_name": names.prefix,
        "model_package_group": names.prefix,
        "job_prefix": names.prefix,
        "kms_key_arn": context.key.key_arn,
        "data": {
            "bucket": context.data_bucket.bucket_name,
            "prefix": context.data_prefix,
            "channels": manifest.data.channels,
        },
        "artifacts": {"bucket": context.artifact_bucket.bucket_name, "prefix": context.data_prefix},
        "checks": _checks(parts),
        "processing": _processing(parts),
        "training": _training(context, parts),
        "tuning": _tuning(context, parts),
        "evaluation": _evaluation(context, parts),
        "gate": _gate(context),
        "approval": manifest.approval,
        "serving": _serving(context, parts),
        "batch": {
            "bucket": context.artifact_bucket.bucket_name,
            "prefix": parts.batch.prefix,
            "role_arn": parts.batch.role.role_arn,
        },
        "rollout": _rollout(context, parts),
        "monitoring": _monitoring(parts),
        "triggers": manifest.triggers.model_dump(),
    }


def _gate(context: WorkloadContext) -> dict[str, Any]:
    """Limits that the manifest does not set are not there; `minimum` always is."""
    gate = context.workload.manifest.gate
    return {"minimum": None, **gate.model_dump(exclude_none=True)}


def _checks(parts: WorkloadParts) -> dict[str, Any] | None:
    checks = parts.training.checks
    if checks is None:
        return None
    return {
        "image_uri": checks.image_uri,
        "role_arn": checks.role.role_arn,
        "checker_uri": checks.checker.s3_object_url,
        "rules_uri": checks.rules.s3_object_url,
        "channels": list(checks.checks.channels),
        "instance_type": checks.checks.instance.type,
        "volume_gb": checks.checks.instance.volume_gb,
        "max_runtime_seconds": checks.checks.max_runtime_seconds,
    }


def _processing(parts: WorkloadParts) -> dict[str, Any] | None:
    processing = parts.training.processing
    if processing is None:
        return None
    return {
        "role_arn": processing.role.role_arn,
        "steps": [_step(step, processing.images[step.name].uri) for step in processing.steps],
    }


def _step(step: ProcessingStep, image_uri: str) -> dict[str, Any]:
    return {
        "name": step.name,
        "image_uri": image_uri,
        "script": step.script,
        "instance_type": step.instance.type,
        "instance_count": step.instance.count,
        "volume_gb": step.instance.volume_gb,
        "max_runtime_seconds": step.max_runtime_seconds,
        "parameters": step.parameters,
        "inputs": step.inputs,
        "outputs": step.outputs,
    }


def _training(context: WorkloadContext, parts: WorkloadParts) -> dict[str, Any]:
    training = context.workload.manifest.training
    return {
        "channels": context.workload.manifest.training_channels,
        "image_uri": parts.training.image_uri,
        "role_arn": parts.training.training_role.role_arn,
        "entrypoint_uri": parts.code.entrypoint.s3_object_url,
        "code_uri": parts.code.code.s3_object_url,
        # An image of one's own starts its own `train`.
        "script": None if training.own_image else training.script,
        "instance_type": training.instance.type,
        "instance_count": training.instance.count,
        "volume_gb": training.instance.volume_gb,
        "max_runtime_seconds": training.max_runtime_seconds,
        "spot_max_wait_seconds": training.spot_max_wait_seconds,
        "hyperparameters": {
            name: parameter.model_dump(exclude_none=True) for name, parameter in training.hyperparameters.items()
        },
        "metrics": [metric.model_dump() for metric in training.metrics],
        "environment": training.environment,
    }


def _tuning(context: WorkloadContext, parts: WorkloadParts) -> dict[str, Any] | None:
    tuning = context.workload.manifest.tuning
    if tuning is None:
        return None
    return {
        "job_prefix": context.names.tuning_prefix,
        "starter_uri": parts.code.starter and parts.code.starter.s3_object_url,
        **tuning.model_dump(exclude_none=True),
    }


def _evaluation(context: WorkloadContext, parts: WorkloadParts) -> dict[str, Any]:
    evaluation, evaluator = context.workload.manifest.evaluation, parts.code.evaluator
    return {
        "image_uri": parts.serving_image.uri,
        "role_arn": parts.training.evaluation_role.role_arn,
        "instance_type": evaluation.instance.type,
        "volume_gb": evaluation.instance.volume_gb,
        "max_runtime_seconds": evaluation.max_runtime_seconds,
        "channel": evaluation.channel,
        "evaluator_uri": evaluator and evaluator.s3_object_url,
        "label_column": evaluation.label_column,
    }


def _serving(context: WorkloadContext, parts: WorkloadParts) -> dict[str, Any]:
    serving = context.workload.manifest.serving
    return {
        "image_uri": parts.serving_image.uri,
        "role_arn": parts.rollout.serving_role.role_arn,
        "instance_type": serving.instance.type,
        "instance_count": serving.instance.count,
        "autoscaling": serving.autoscaling and serving.autoscaling.model_dump(),
        "serverless": serving.serverless and serving.serverless.model_dump(exclude={"network_isolation"}),
        "variant": VARIANT,
        "environment": serving.variables,
        "sample_request": context.workload.sample_request,
    }


def _rollout(context: WorkloadContext, parts: WorkloadParts) -> dict[str, Any]:
    rollout = context.workload.manifest.rollout
    ratio = latency_ratio(rollout)
    alarm = {"alarm": f"{context.names.prefix}-{SLOWER}", "no_limit_us": NO_LIMIT_MICROSECONDS}
    return {
        **rollout.model_dump(exclude={"latency_p99_ms", "latency_p99_ratio"}),
        "latency": {"ratio": ratio, **alarm} if ratio else None,
        "alarms": parts.alarm_names,
    }


def _monitoring(parts: WorkloadParts) -> dict[str, Any] | None:
    monitoring = parts.monitoring
    if monitoring is None:
        return None
    manifest = monitoring.manifest
    return {
        "state_machine_arn": monitoring.machine.state_machine.state_machine_arn,
        "image_uri": parts.serving_image.uri,
        "role_arn": monitoring.role.role_arn,
        "monitor_uri": monitoring.program.s3_object_url,
        "instance_type": manifest.instance.type,
        "volume_gb": manifest.instance.volume_gb,
        "max_runtime_seconds": manifest.max_runtime_seconds,
        "sampling_percent": manifest.sampling_percent,
        "window_hours": manifest.window_hours,
        "baseline_requests": manifest.baseline_requests,
        "minimum_requests": manifest.minimum_requests,
        "threshold": manifest.threshold,
        "quality": manifest.quality and {"metric": manifest.quality.metric, "field": manifest.quality.field},
    }
