"""The verdict: what was compared, on which data, why it was decided so, and out of what the model came."""

import math
from typing import Any

from shared.descriptor import Descriptor, Training
from shared.fields import take, take_matching
from shared.names import DATASET, data_hash

from decide_gate import registration
from decide_gate.evaluation import Evaluation, Measured


def document(
    descriptor: Descriptor,
    event: dict[str, Any],
    evaluation: Evaluation,
    *,
    reasons: list[str],
    notes: list[str],
    version_id: str | None,
) -> dict[str, Any]:
    """`version_id`: of the model's object in S3."""
    plan, objects = event["plan"], take(event, "objects", list)
    training, own = descriptor["training"], plan["training_job"]
    data = data_hash([(item["key"], item["version_id"]) for item in objects])
    champion = {**(plan["champion"] or {}), **_model(evaluation.champion)} if evaluation.champion else None
    return {
        "workload": descriptor["name"],
        "run": event["run"],
        "dataset": take_matching(event, "dataset", DATASET),
        "passed": not reasons,
        "reasons": reasons,
        "notes": [*_comparison(plan["champion"], evaluation, data), *notes],
        "gate": descriptor["gate"],
        "challenger": _model(evaluation.challenger),
        "champion": champion,
        "holdout": {"channel": descriptor["evaluation"]["channel"], "sha256": evaluation.holdout_sha256},
        "objects": objects,
        "data_hash": data,
        "hyperparameters": own["HyperParameters"],
        "training_job": own["TrainingJobName"],
        "jobs": _jobs(plan),
        "tuned": plan.get("tuned"),
        "model_uri": plan["model_uri"],
        "model_version_id": version_id,
        "model_sha256": evaluation.challenger.artifact["sha256"] if evaluation.challenger.artifact else None,
        "evaluation_uri": plan["evaluation_uri"],
        **_made_by(training, imported=plan.get("imported", False)),
        "serving_image_uri": descriptor["serving"]["image_uri"],
    }


def _comparison(planned: dict[str, Any] | None, evaluation: Evaluation, data: str) -> list[str]:
    """With what the challenger was compared, where that is not the model that serves, on the data it knew."""
    if planned is None:
        return ["there is no champion yet: only the absolute limits count"]
    version, champion = planned["version"], evaluation.champion
    if planned.get("own"):
        return [f"version {version} was made by this very run: it is not compared with itself"]
    notes = [] if planned.get("serves") else [f"none that serves is known: version {version} was approved last"]
    error = f"{planned['model_uri']} is not there any more" if planned.get("lost") else champion and champion.error
    if error:
        why = f"the champion, version {version}, could not be compared: only the absolute limits count: {error}"
        return [*notes, why]
    known, now = planned.get("holdout_sha256"), evaluation.holdout_sha256
    if known and now and known != now:
        notes.append(
            f"the holdout changed since version {version} was evaluated: SHA-256 {known[:12]} then (data"
            f" {planned.get('data_hash')}), {now[:12]} now (data {data}); both models were evaluated on the one of now"
        )
    return notes


def _jobs(plan: dict[str, Any]) -> dict[str, Any]:
    """The names of the run's SageMaker jobs; None for what the run had not."""
    check, evaluation = plan.get("check_job") or {}, plan.get("evaluation_job") or {}
    steps = (plan.get("processing_jobs") or {}).items()
    return {
        "check": check.get("ProcessingJobName"),
        "processing": {step: request["ProcessingJobName"] for step, request in steps},
        "training": None if plan.get("imported") else plan["training_job"]["TrainingJobName"],
        "tuning": (plan.get("tuned") or {}).get("tuning_job"),
        "evaluation": evaluation.get("ProcessingJobName"),
    }


def _made_by(training: Training, *, imported: bool) -> dict[str, Any]:
    """The code and the image that made the model; of one that was made elsewhere they are not known."""
    return {
        "imported": imported,
        "code_uri": None if imported else training["code_uri"],
        "code_hash": None if imported else registration.code_hash(training["code_uri"]),
        "entrypoint_uri": None if imported else training["entrypoint_uri"],
        "training_image_uri": None if imported else training["image_uri"],
    }


def _model(measured: Measured) -> dict[str, Any]:
    shown = {
        "metrics": _json_numbers(measured.metrics),
        "slices": _json_numbers(measured.slices),
        "latency_ms": measured.latency_ms,
        "artifact": measured.artifact,
    }
    return {**shown, "error": measured.error} if measured.error else shown


def _json_numbers(value: Any) -> Any:
    """NaN and the infinities as text: JSON has no such numbers."""
    if isinstance(value, dict):
        return {name: _json_numbers(one) for name, one in value.items()}
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
