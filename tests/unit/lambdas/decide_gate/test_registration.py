from typing import Any

from decide_gate.registration import code_hash, model_package
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.botocore_model import violations


def verdict(metric: str, run: str = "20261112-080000-ab12-0123456789ab") -> dict[str, Any]:
    return {
        "run": run,
        "dataset": "20261112-080000-ab12",
        "data_hash": "0123456789ab",
        "holdout": {"channel": "test", "sha256": "cd" * 32},
        "model_sha256": "ab" * 32,
        "model_version_id": "3HL4kqtJvjVBH40Nrjfkd",
        "challenger": {"metrics": {metric: 0.987654321}},
        "model_uri": "s3://slipway-artifacts/digits/training/job/output/model.tar.gz",
        "evaluation_uri": "s3://slipway-artifacts/digits/evaluation/job/evaluation.json",
        "imported": False,
        "code_uri": "s3://assets/2a9b.zip",
        "training_image_uri": "763104351884.dkr.ecr.eu-central-1.amazonaws.com/pytorch-training:2.8-cpu-py312",
        "training_job": "slipway-dev-digits-0123456789ab",
        "hyperparameters": {"network": "cnn", "epochs": "3"},
        "tuned": None,
    }


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(metric=st.text(min_size=1, max_size=400))
def test_a_metric_of_any_name_makes_a_request_that_sagemaker_takes(descriptor: dict[str, Any], metric: str) -> None:
    named = {**descriptor, "gate": {**descriptor["gate"], "metric": metric}}
    request = model_package(named, verdict(metric), verdict_uri="s3://slipway-artifacts/digits/verdicts/run.json")  # type: ignore[arg-type]
    assert violations("sagemaker", "CreateModelPackage", request) == []


def test_a_model_that_was_made_elsewhere_claims_no_code_of_ours(descriptor: dict[str, Any]) -> None:
    made_elsewhere = {"imported": True, "code_uri": None, "training_image_uri": None, "training_job": "imported-1"}
    imported = {**verdict("accuracy"), **made_elsewhere}
    request = model_package(descriptor, imported, verdict_uri="s3://b/k")  # type: ignore[arg-type]
    assert violations("sagemaker", "CreateModelPackage", request) == []
    told = request["CustomerMetadataProperties"]
    assert told["imported-model"] == "imported-1"
    assert not {"code-uri", "training-image", "training-job"} & told.keys()


def test_two_runs_never_share_a_client_token(descriptor: dict[str, Any]) -> None:
    tokens = {
        model_package(descriptor, verdict("accuracy", run), verdict_uri="s3://b/k")["ClientToken"]  # type: ignore[arg-type]
        for run in ("run-1", "run-2")
    }
    assert len(tokens) == 2


def test_the_codes_hash_is_the_name_of_its_zip() -> None:
    assert code_hash("s3://cdk-hnb659fds-assets-123456789012-eu-central-1/2a9b.zip") == "2a9b"


def test_a_version_names_its_hyperparameters_and_the_search_that_found_them(descriptor: dict[str, Any]) -> None:
    def metadata(**changed: Any) -> dict[str, str]:
        request = model_package(descriptor, {**verdict("accuracy"), **changed}, verdict_uri="s3://b/k")  # type: ignore[arg-type]
        assert violations("sagemaker", "CreateModelPackage", request) == []
        return request["CustomerMetadataProperties"]

    assert metadata()["hyperparameters"] == "epochs=3 network=cnn"
    assert "tuning-job" not in metadata()
    assert metadata(tuned={"tuning_job": "digits-1a2b-0123"})["tuning-job"] == "digits-1a2b-0123"
    assert "hyperparameters" not in metadata(hyperparameters={})
    assert len(metadata(hyperparameters={"text": "long" * 600})["hyperparameters"]) == 256
