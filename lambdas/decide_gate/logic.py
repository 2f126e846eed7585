"""Whether the challenger may be registered, and the verdict: the run's lasting record."""

import json
import math
from typing import Any

from shared import descriptor as descriptors
from shared.descriptor import Descriptor, Training
from shared.errors import InvalidDocument
from shared.fields import take, take_matching
from shared.names import DATASET, RUN, WORKLOAD, data_hash
from shared.storage import read_small, split_uri

from decide_gate import evaluation, gate, registration
from decide_gate.evaluation import InvalidEvaluation, Measured


def decide(event: dict[str, Any], *, ssm: Any, s3: Any, workloads_path: str) -> dict[str, Any]:
    """The state's output; writes the verdict to S3 whether the challenger passed or not."""
    descriptor = descriptors.read(ssm, path=workloads_path, workload=take_matching(event, "workload", WORKLOAD))
    run, plan = take_matching(event, "run", RUN), take(event, "plan", dict)
    metric = descriptor["gate"]["metric"]
    challenger, champion = evaluation.parse(
        _evaluation(s3, take(plan, "evaluation_uri", str, where="plan")), metric=metric
    )
    reasons = gate.objections(
        descriptor["gate"],
        challenger=challenger.value,
        champion=champion.value if champion else None,
    )
    verdict = _verdict(descriptor, event, challenger=challenger, champion=champion, reasons=reasons)
    key = f"{descriptor['artifacts']['prefix']}verdicts/{run}.json"
    uri = f"s3://{descriptor['artifacts']['bucket']}/{key}"
    s3.put_object(
        Bucket=descriptor["artifacts"]["bucket"],
        Key=key,
        Body=json.dumps(verdict, indent=2, allow_nan=False).encode(),
        ContentType="application/json",
    )
    return {
        "passed": verdict["passed"],
        "reasons": reasons,
        "verdict_uri": uri,
        "model_package": registration.model_package(descriptor, verdict, verdict_uri=uri),
    }


def _evaluation(s3: Any, uri: str) -> bytes:
    bucket, key = split_uri(uri)
    try:
        return read_small(s3, bucket=bucket, key=key, limit=evaluation.MAX_BYTES)
    except InvalidDocument as error:
        raise InvalidEvaluation(str(error)) from error


def _verdict(
    descriptor: Descriptor,
    event: dict[str, Any],
    *,
    challenger: Measured,
    champion: Measured | None,
    reasons: list[str],
) -> dict[str, Any]:
    plan, objects = event["plan"], take(event, "objects", list)
    training = descriptor["training"]
    return {
        "workload": descriptor["name"],
        "run": event["run"],
        "dataset": take_matching(event, "dataset", DATASET),
        "passed": not reasons,
        "reasons": reasons,
        "gate": descriptor["gate"],
        "challenger": _model(challenger),
        "champion": {**(plan["champion"] or {}), **_model(champion)} if champion else None,
        "objects": objects,
        "data_hash": data_hash([(item["key"], item["version_id"]) for item in objects]),
        "hyperparameters": plan["training_job"]["HyperParameters"],
        "training_job": plan["training_job"]["TrainingJobName"],
        "tuned": plan.get("tuned"),
        "model_uri": plan["model_uri"],
        "evaluation_uri": plan["evaluation_uri"],
        **_made_by(training, imported=plan.get("imported", False)),
        "serving_image_uri": descriptor["serving"]["image_uri"],
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
    """What was measured, with NaN and the infinities as text: JSON has no such numbers."""
    metrics = {name: _json_number(value) for name, value in measured.metrics.items()}
    return {"metrics": metrics, "error": measured.error} if measured.error else {"metrics": metrics}


def _json_number(value: Any) -> Any:
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
