"""The gate over a real S3: what it reads, what it decides, what it leaves behind."""

import json
import math
from pathlib import Path
from typing import Any

import boto3
import pytest
from decide_gate import evaluation
from decide_gate.evaluation import InvalidEvaluation
from decide_gate.handler import handler
from shared.errors import InvalidInput

from tests.support.botocore_model import violations

EVENTS = Path(__file__).parents[2] / "events"
JOB = "slipway-dev-digits-0123456789ab"
CHAMPION = {
    "version": 3,
    "model_package_arn": "arn:aws:sagemaker:eu-central-1:123456789012:model-package/g/3",
    "model_uri": "s3://artifacts/old/model.tar.gz",
    "serves": True,
    "own": False,
    "lost": False,
    "data_hash": "0123456789ab",
    "holdout_sha256": "cd" * 32,
    "model_sha256": "ab" * 32,
}
FILES = {"sha256": "ab" * 32, "files": 2, "bytes": 1000}
NOT_MEASURED = {"slices": {}, "latency_ms": None, "artifact": None}


@pytest.fixture
def event(stage: Any) -> dict[str, Any]:
    artifacts = f"s3://{stage.descriptor['artifacts']['bucket']}/digits"
    plan = {
        "training_job": {"TrainingJobName": JOB, "HyperParameters": {"epochs": "3"}},
        "evaluation_job": {},
        "evaluation_uri": f"{artifacts}/evaluation/{JOB}/evaluation.json",
        "model_uri": f"{artifacts}/training/{JOB}/output/model.tar.gz",
        "champion": None,
    }
    return {**json.loads((EVENTS / "train_input.json").read_text()), "plan": plan}


def measured(event: dict[str, Any], stage: Any, document: Any) -> None:
    """Writes evaluation.json where the evaluation job would, beside the model that it evaluated."""
    put_model(stage)
    key = f"digits/evaluation/{JOB}/evaluation.json"
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    boto3.client("s3").put_object(Bucket=stage.descriptor["artifacts"]["bucket"], Key=key, Body=body)


def put_model(stage: Any) -> str:
    """Its version id."""
    key = f"digits/training/{JOB}/output/model.tar.gz"
    answer = boto3.client("s3").put_object(Bucket=stage.descriptor["artifacts"]["bucket"], Key=key, Body=b"model")
    return str(answer["VersionId"])


def verdict_of(decision: dict[str, Any]) -> dict[str, Any]:
    bucket, _, key = decision["verdict_uri"].removeprefix("s3://").partition("/")
    return json.loads(boto3.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read())


def test_a_first_model_above_the_minimum_is_registered_as_approved(
    stage: Any, event: dict[str, Any], context: Any
) -> None:
    measured(event, stage, {"challenger": {"metrics": {"accuracy": 0.95, "examples": 360}}, "champion": None})
    decision = handler(event, context)
    assert (decision["passed"], decision["reasons"]) == (True, [])
    package = decision["model_package"]
    assert violations("sagemaker", "CreateModelPackage", package) == []
    assert package["ModelPackageGroupName"] == stage.descriptor["model_package_group"]
    assert package["ModelApprovalStatus"] == "Approved"
    container = package["InferenceSpecification"]["Containers"][0]
    assert container["Image"] == stage.descriptor["serving"]["image_uri"]
    assert container["ModelDataUrl"] == event["plan"]["model_uri"]
    metadata = package["CustomerMetadataProperties"]
    assert (metadata["run"], metadata["dataset"]) == (event["run"], event["dataset"])
    assert (metadata["metric"], metadata["value"]) == ("accuracy", "0.95")
    assert metadata["verdict-uri"] == decision["verdict_uri"]


def test_the_verdict_says_what_was_compared_and_out_of_what_the_model_came(
    stage: Any, event: dict[str, Any], context: Any
) -> None:
    event["plan"]["champion"] = CHAMPION
    measured(
        event,
        stage,
        {"challenger": {"metrics": {"accuracy": 0.95}}, "champion": {"metrics": {"accuracy": 0.94}}},
    )
    decision = handler(event, context)
    bucket = stage.descriptor["artifacts"]["bucket"]
    assert decision["verdict_uri"] == f"s3://{bucket}/digits/verdicts/{event['run']}.json"
    verdict = verdict_of(decision)
    assert verdict["passed"] is True
    assert verdict["challenger"] == {"metrics": {"accuracy": 0.95}, **NOT_MEASURED}
    assert verdict["champion"] == {**CHAMPION, "metrics": {"accuracy": 0.94}, **NOT_MEASURED}
    assert verdict["gate"] == stage.descriptor["gate"]
    assert verdict["objects"] == event["objects"]
    assert verdict["hyperparameters"] == {"epochs": "3"}
    assert (verdict["code_hash"], verdict["training_job"]) == ("2a9b", JOB)


def test_a_regression_is_rejected_with_both_numbers_and_still_leaves_a_verdict(
    stage: Any, event: dict[str, Any], context: Any
) -> None:
    event["plan"]["champion"] = CHAMPION
    measured(
        event,
        stage,
        {"challenger": {"metrics": {"accuracy": 0.91}}, "champion": {"metrics": {"accuracy": 0.95}}},
    )
    decision = handler(event, context)
    assert decision["passed"] is False
    (reason,) = decision["reasons"]
    assert "0.91" in reason and "0.95" in reason
    assert verdict_of(decision)["reasons"] == [reason]


def test_a_champion_that_could_not_be_evaluated_is_recorded_and_does_not_block(
    stage: Any, event: dict[str, Any], context: Any
) -> None:
    event["plan"]["champion"] = CHAMPION
    measured(event, stage, {"challenger": {"metrics": {"accuracy": 0.92}}, "champion": {"error": "no model.onnx"}})
    decision = handler(event, context)
    assert decision["passed"] is True
    verdict = verdict_of(decision)
    assert verdict["champion"] == {**CHAMPION, "metrics": {}, "error": "no model.onnx", **NOT_MEASURED}
    assert verdict["notes"] == [
        "the champion, version 3, could not be compared: only the absolute limits count: no model.onnx"
    ]


def test_a_model_that_diverged_is_rejected_and_its_verdict_is_json(
    stage: Any, event: dict[str, Any], context: Any
) -> None:
    measured(event, stage, {"challenger": {"metrics": {"accuracy": math.nan}}, "champion": None})
    decision = handler(event, context)
    assert decision["passed"] is False and "nan" in decision["reasons"][0]
    assert verdict_of(decision)["challenger"]["metrics"] == {"accuracy": "nan"}


def test_a_workload_with_manual_approval_waits_for_a_person(stage: Any, event: dict[str, Any], context: Any) -> None:
    stage.describe(approval="manual")
    measured(event, stage, {"challenger": {"metrics": {"accuracy": 0.95}}, "champion": None})
    assert handler(event, context)["model_package"]["ModelApprovalStatus"] == "PendingManualApproval"


def test_a_repeated_gate_asks_for_the_same_registration(stage: Any, event: dict[str, Any], context: Any) -> None:
    measured(event, stage, {"challenger": {"metrics": {"accuracy": 0.95}}, "champion": None})
    first, second = handler(event, context), handler(event, context)
    assert first == second and first["model_package"]["ClientToken"]


def test_a_missing_evaluation_fails_the_run(stage: Any, event: dict[str, Any], context: Any) -> None:
    with pytest.raises(InvalidEvaluation, match=r"evaluation\.json does not exist"):
        handler(event, context)


def test_an_evaluation_of_unreasonable_size_is_not_read(stage: Any, event: dict[str, Any], context: Any) -> None:
    measured(event, stage, b" " * (evaluation.MAX_BYTES + 1))
    with pytest.raises(InvalidEvaluation, match="is larger than"):
        handler(event, context)


def test_an_input_without_plan_is_refused(stage: Any, event: dict[str, Any], context: Any) -> None:
    del event["plan"]
    with pytest.raises(InvalidInput, match=r"input\.plan is missing"):
        handler(event, context)


def test_a_first_model_is_judged_by_the_absolute_limits_and_the_verdict_says_so(
    stage: Any, event: dict[str, Any], context: Any
) -> None:
    measured(event, stage, {"challenger": {"metrics": {"accuracy": 0.95}}, "champion": None})
    assert verdict_of(handler(event, context))["notes"] == ["there is no champion yet: only the absolute limits count"]


def test_a_holdout_that_changed_is_told_with_the_hashes_of_then_and_now(
    stage: Any, event: dict[str, Any], context: Any
) -> None:
    event["plan"]["champion"] = CHAMPION
    both = {"metrics": {"accuracy": 0.95}, "artifact": FILES}
    measured(event, stage, {"challenger": both, "champion": both, "holdout": {"sha256": "ef" * 32}})
    verdict = verdict_of(handler(event, context))
    assert verdict["passed"] is True
    (note,) = verdict["notes"]
    assert note == (
        "the holdout changed since version 3 was evaluated: SHA-256 cdcdcdcdcdcd then (data 0123456789ab),"
        f" efefefefefef now (data {verdict['data_hash']}); both models were evaluated on the one of now"
    )
    assert verdict["holdout"] == {"channel": "test", "sha256": "ef" * 32}


def test_the_same_holdout_is_not_worth_a_note(stage: Any, event: dict[str, Any], context: Any) -> None:
    event["plan"]["champion"] = CHAMPION
    both = {"metrics": {"accuracy": 0.95}, "artifact": FILES}
    measured(event, stage, {"challenger": both, "champion": both, "holdout": {"sha256": "cd" * 32}})
    assert verdict_of(handler(event, context))["notes"] == []


def test_a_run_that_made_the_champion_is_not_compared_with_itself(
    stage: Any, event: dict[str, Any], context: Any
) -> None:
    event["plan"]["champion"] = {**CHAMPION, "own": True}
    measured(event, stage, {"challenger": {"metrics": {"accuracy": 0.95}}, "champion": None})
    verdict = verdict_of(handler(event, context))
    assert (verdict["passed"], verdict["champion"]) == (True, None)
    assert verdict["notes"] == ["version 3 was made by this very run: it is not compared with itself"]


def test_a_champion_whose_files_were_exchanged_is_not_compared(stage: Any, event: dict[str, Any], context: Any) -> None:
    event["plan"]["champion"] = CHAMPION
    exchanged = {"metrics": {"accuracy": 0.99}, "artifact": {**FILES, "sha256": "12" * 32}}
    measured(event, stage, {"challenger": {"metrics": {"accuracy": 0.92}}, "champion": exchanged})
    decision = handler(event, context)
    assert decision["passed"] is True
    assert "registered with abab" in verdict_of(decision)["champion"]["error"]


def test_a_slice_that_got_worse_is_refused_whatever_the_whole_gained(
    stage: Any, event: dict[str, Any], context: Any
) -> None:
    stage.describe(gate={**stage.descriptor["gate"], "slices": {"max_regression": 0.1, "minimum_examples": 5}})
    event["plan"]["champion"] = {**CHAMPION, "model_sha256": None}

    def model(whole: float, three: float) -> dict[str, Any]:
        return {"metrics": {"accuracy": whole}, "slices": {"class=3": {"accuracy": three, "examples": 36}}}

    measured(event, stage, {"challenger": model(0.97, 0.5), "champion": model(0.95, 0.9)})
    decision = handler(event, context)
    assert decision["passed"] is False
    (reason,) = decision["reasons"]
    assert reason.startswith("slice class=3: accuracy 0.5 is worse than the champion's 0.9")
    assert verdict_of(decision)["champion"]["slices"] == {"class=3": {"accuracy": 0.9, "examples": 36}}


def test_the_version_knows_the_files_that_were_evaluated(stage: Any, event: dict[str, Any], context: Any) -> None:
    challenger = {"metrics": {"accuracy": 0.95}, "artifact": FILES}
    measured(event, stage, {"challenger": challenger, "champion": None, "holdout": {"sha256": "ef" * 32}})
    version_id = put_model(stage)
    decision = handler(event, context)
    assert violations("sagemaker", "CreateModelPackage", decision["model_package"]) == []
    metadata = decision["model_package"]["CustomerMetadataProperties"]
    assert metadata["model-sha256"] == "ab" * 32
    assert metadata["model-version-id"] == version_id
    assert metadata["holdout-sha256"] == "ef" * 32
    verdict = verdict_of(decision)
    assert (verdict["model_sha256"], verdict["model_version_id"]) == ("ab" * 32, version_id)


def test_a_model_that_is_gone_is_not_registered(stage: Any, event: dict[str, Any], context: Any) -> None:
    measured(event, stage, {"challenger": {"metrics": {"accuracy": 0.95}}, "champion": None})
    event["plan"]["model_uri"] += ".gone"
    with pytest.raises(InvalidEvaluation, match=r"model\.tar\.gz\.gone, which was evaluated, does not exist any more"):
        handler(event, context)


def test_a_champion_whose_artifact_is_gone_does_not_block_and_the_verdict_says_so(
    stage: Any, event: dict[str, Any], context: Any
) -> None:
    event["plan"]["champion"] = {**CHAMPION, "lost": True}
    measured(event, stage, {"challenger": {"metrics": {"accuracy": 0.92}}, "champion": None})
    decision = handler(event, context)
    assert decision["passed"] is True
    assert verdict_of(decision)["notes"] == [
        "the champion, version 3, could not be compared: only the absolute limits count:"
        " s3://artifacts/old/model.tar.gz is not there any more"
    ]
