"""Whether the challenger may be registered, and the verdict: the run's lasting record."""

import json
from typing import Any

from botocore.exceptions import ClientError
from shared import descriptor as descriptors
from shared.clients import error_code
from shared.errors import InvalidDocument
from shared.fields import take, take_matching
from shared.names import RUN, WORKLOAD
from shared.storage import read_small, split_uri

from decide_gate import evaluation, gate, registration
from decide_gate import verdict as verdicts
from decide_gate.evaluation import InvalidEvaluation


def decide(event: dict[str, Any], *, ssm: Any, s3: Any, workloads_path: str) -> dict[str, Any]:
    """The state's output; writes the verdict to S3 whether the challenger passed or not."""
    descriptor = descriptors.read(ssm, path=workloads_path, workload=take_matching(event, "workload", WORKLOAD))
    run, plan = take_matching(event, "run", RUN), take(event, "plan", dict)
    measured = evaluation.parse(
        _evaluation(s3, take(plan, "evaluation_uri", str, where="plan")),
        metric=descriptor["gate"]["metric"],
        champion_sha256=(plan.get("champion") or {}).get("model_sha256"),
    )
    reasons, notes = gate.judge(descriptor["gate"], challenger=measured.challenger, champion=measured.champion)
    version_id = _version_id(s3, take(plan, "model_uri", str, where="plan"))
    verdict = verdicts.document(descriptor, event, measured, reasons=reasons, notes=notes, version_id=version_id)
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


def _version_id(s3: Any, uri: str) -> str | None:
    """Of the model that was just evaluated; None where the bucket keeps no versions."""
    bucket, key = split_uri(uri)
    try:
        return s3.head_object(Bucket=bucket, Key=key).get("VersionId")
    except ClientError as error:
        if error_code(error) in {"404", "NoSuchKey"}:
            raise InvalidEvaluation(f"{uri}, which was evaluated, does not exist any more") from error
        raise
