from typing import Any

import pytest
from plan_training.handler import handler
from plan_training.hyperparameters import InvalidHyperparameter
from shared.errors import InvalidInput, UnknownWorkload
from shared.names import job_name

from tests.support.botocore_model import violations
from tests.support.loopback_aws import LoopbackAws, no_endpoint

GROUP = "arn:aws:sagemaker:eu-central-1:123456789012:model-package/slipway-dev-digits"


def package_summary(version: int, status: str = "Completed") -> dict[str, Any]:
    return {
        "ModelPackageGroupName": "slipway-dev-digits",
        "ModelPackageVersion": version,
        "ModelPackageArn": f"{GROUP}/{version}",
        "ModelPackageStatus": status,
        "ModelApprovalStatus": "Approved",
        "CreationTime": 1794472260.0 + version,
    }


@pytest.fixture
def packages(aws: LoopbackAws, parameters: dict[str, Any]) -> list[dict[str, Any]]:
    """Packages, newest first, one a page; nothing serves."""
    found: list[dict[str, Any]] = []

    def list_packages(request: dict[str, Any]) -> dict[str, Any]:
        assert (request["SortBy"], request["SortOrder"]) == ("CreationTime", "Descending")
        status = request.get("ModelApprovalStatus")
        wanted = [one for one in found if status in {None, one["ModelApprovalStatus"]}]
        start = int(request.get("NextToken", 0))
        page = {"ModelPackageSummaryList": wanted[start : start + 1]}
        return {**page, "NextToken": str(start + 1)} if start + 1 < len(wanted) else page

    def describe(request: dict[str, Any]) -> dict[str, Any]:
        version = int(request["ModelPackageName"].rsplit("/", 1)[-1])
        containers = [{"Image": "image", "ModelDataUrl": f"s3://slipway-artifacts/model-{version}.tar.gz"}]
        return {
            "ModelPackageVersion": version,
            "ModelPackageArn": request["ModelPackageName"],
            "InferenceSpecification": {"Containers": containers},
            "CustomerMetadataProperties": {"run": f"run-{version}", "data-hash": "0123456789ab"},
        }

    aws.objects |= {f"slipway-artifacts/model-{version}.tar.gz" for version in range(1, 5)}
    aws.operations["SageMaker.DescribeEndpoint"] = no_endpoint
    aws.operations["SageMaker.ListModelPackages"] = list_packages
    aws.operations["SageMaker.DescribeModelPackage"] = describe
    return found


def champion(version: int, **changed: Any) -> dict[str, Any]:
    return {
        "version": version,
        "model_package_arn": f"{GROUP}/{version}",
        "model_uri": f"s3://slipway-artifacts/model-{version}.tar.gz",
        "serves": False,
        "own": False,
        "lost": False,
        "data_hash": "0123456789ab",
        "holdout_sha256": None,
        "model_sha256": None,
        **changed,
    }


def serve(aws: LoopbackAws, *variants: tuple[str, str, float]) -> None:
    """An endpoint whose production variants have these names, models and weights."""
    production = [{"VariantName": name, "DesiredWeight": weight} for name, _, weight in variants]
    configured = [{"VariantName": name, "ModelName": model} for name, model, _ in variants]
    aws.operations["SageMaker.DescribeEndpoint"] = lambda request: {
        "EndpointName": request["EndpointName"],
        "EndpointStatus": "Updating",
        "EndpointConfigName": "c",
        "ProductionVariants": production,
    }
    aws.operations["SageMaker.DescribeEndpointConfig"] = lambda request: {"ProductionVariants": configured}


@pytest.fixture
def event(load_event: Any) -> dict[str, Any]:
    return load_event("train_input")


def plan(event: dict[str, Any], context: Any) -> dict[str, Any]:
    planned = handler(event, context)
    assert violations("sagemaker", "CreateTrainingJob", planned["training_job"]) == []
    assert violations("sagemaker", "CreateProcessingJob", planned["evaluation_job"]) == []
    return planned


def channels(job: dict[str, Any]) -> dict[str, str]:
    return {c["ChannelName"]: c["DataSource"]["S3DataSource"]["S3Uri"] for c in job["InputDataConfig"]}


def inputs(job: dict[str, Any]) -> dict[str, tuple[str, str]]:
    return {i["InputName"]: (i["S3Input"]["S3Uri"], i["S3Input"]["LocalPath"]) for i in job["ProcessingInputs"]}


def test_the_training_job_reads_the_data_sets_channels_the_driver_and_the_code(
    packages: Any, event: Any, context: Any
) -> None:
    job = plan(event, context)["training_job"]
    assets = "s3://cdk-hnb659fds-assets-123456789012-eu-central-1"
    assert channels(job) == {
        "entrypoint": f"{assets}/1f0e.zip",
        "code": f"{assets}/2a9b.zip",
        "train": "s3://slipway-data/digits/20261112-080000-ab12/train/",
        "test": "s3://slipway-data/digits/20261112-080000-ab12/test/",
    }
    assert job["AlgorithmSpecification"]["ContainerEntrypoint"] == [
        "python3",
        "/opt/ml/input/data/entrypoint/1f0e.zip",
    ]
    assert job["Environment"] == {"OMP_NUM_THREADS": "2", "SLIPWAY_SCRIPT": "train.py"}


def test_the_training_job_gets_defaults_and_overrides_as_strings(packages: Any, event: Any, context: Any) -> None:
    job = plan(event, context)["training_job"]
    assert job["HyperParameters"] == {
        "epochs": "3",
        "learning_rate": "0.001",
        "network": "cnn",
        "augment": "false",
    }


def test_names_and_places_are_the_contracts(packages: Any, event: Any, context: Any) -> None:
    planned = plan(event, context)
    job = job_name("slipway-dev-digits", event["run"])
    assert planned["training_job"]["TrainingJobName"] == job
    assert planned["evaluation_job"]["ProcessingJobName"] == f"{job}-eval"
    assert planned["model_uri"] == f"s3://slipway-artifacts/digits/training/{job}/output/model.tar.gz"
    assert planned["evaluation_uri"] == f"s3://slipway-artifacts/digits/evaluation/{job}/evaluation.json"
    assert planned["training_job"]["OutputDataConfig"]["S3OutputPath"] == "s3://slipway-artifacts/digits/training"
    assert planned["training_job"]["CheckpointConfig"]["S3Uri"] == f"s3://slipway-artifacts/digits/checkpoints/{job}/"
    output = planned["evaluation_job"]["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]
    assert f"{output['S3Uri']}/evaluation.json" == planned["evaluation_uri"]


def test_an_imported_model_is_evaluated_in_the_place_of_a_trained_one(packages: Any, event: Any, context: Any) -> None:
    assert plan(event, context)["imported"] is False
    planned = handler({**event, "imported_model": "imported-20261121-ab12"}, context)
    assert planned["imported"] is True
    assert planned["training_job"] == {"TrainingJobName": "imported-20261121-ab12", "HyperParameters": {}}
    uri = "s3://slipway-artifacts/digits/training/imported-20261121-ab12/output/model.tar.gz"
    assert planned["model_uri"] == uri
    assert inputs(planned["evaluation_job"])["challenger"][0] == uri


@pytest.mark.parametrize("name", ["", "slipway-dev-digits-0123456789ab", "imported-../../other", None])
def test_a_model_of_another_place_is_refused(packages: Any, event: Any, context: Any, name: Any) -> None:
    with pytest.raises(InvalidInput, match="imported_model"):
        handler({**event, "imported_model": name}, context)


def test_the_first_run_has_no_champion(packages: Any, event: Any, context: Any) -> None:
    planned = plan(event, context)
    assert planned["champion"] is None
    assert inputs(planned["evaluation_job"]) == {
        "challenger": (planned["model_uri"], "/opt/ml/processing/input/challenger"),
        "holdout": (
            "s3://slipway-data/digits/20261112-080000-ab12/test/",
            "/opt/ml/processing/input/holdout",
        ),
    }


def test_the_newest_approved_and_complete_package_is_the_champion_on_whatever_page(
    packages: list[dict[str, Any]], event: Any, context: Any
) -> None:
    packages += [package_summary(5, "Failed"), package_summary(4, "InProgress"), package_summary(3), package_summary(2)]
    planned = plan(event, context)
    assert planned["champion"] == champion(3)
    assert inputs(planned["evaluation_job"])["champion"] == (
        "s3://slipway-artifacts/model-3.tar.gz",
        "/opt/ml/processing/input/champion",
    )


def test_spot_is_asked_for_only_with_a_time_to_wait(
    packages: Any, parameters: dict[str, Any], event: Any, context: Any
) -> None:
    job = plan(event, context)["training_job"]
    assert job["EnableManagedSpotTraining"] is False
    assert job["StoppingCondition"] == {"MaxRuntimeInSeconds": 3600}
    parameters["/slipway/dev/workloads/digits"]["training"]["spot_max_wait_seconds"] = 7200
    job = plan(event, context)["training_job"]
    assert job["EnableManagedSpotTraining"] is True
    assert job["StoppingCondition"] == {"MaxRuntimeInSeconds": 3600, "MaxWaitTimeInSeconds": 7200}


def test_outputs_and_volumes_are_encrypted_but_for_instances_that_do_it_themselves(
    packages: Any, parameters: dict[str, Any], event: Any, context: Any
) -> None:
    key = parameters["/slipway/dev/workloads/digits"]["kms_key_arn"]
    planned = plan(event, context)
    assert planned["training_job"]["OutputDataConfig"]["KmsKeyId"] == key
    assert planned["training_job"]["ResourceConfig"]["VolumeKmsKeyId"] == key
    assert planned["evaluation_job"]["ProcessingOutputConfig"]["KmsKeyId"] == key
    assert planned["evaluation_job"]["ProcessingResources"]["ClusterConfig"]["VolumeKmsKeyId"] == key
    parameters["/slipway/dev/workloads/digits"]["training"]["instance_type"] = "ml.g5.xlarge"
    assert "VolumeKmsKeyId" not in plan(event, context)["training_job"]["ResourceConfig"]


def test_the_evaluation_job_is_cut_off_from_the_network(packages: Any, event: Any, context: Any) -> None:
    assert plan(event, context)["evaluation_job"]["NetworkConfig"] == {"EnableNetworkIsolation": True}


def test_a_hyperparameter_that_the_manifest_does_not_allow_stops_the_run(
    packages: Any, event: Any, context: Any
) -> None:
    event["hyperparameters"] = {"epochs": "0"}
    with pytest.raises(InvalidHyperparameter, match="epochs: 0 is below the minimum 1"):
        handler(event, context)


def test_an_unknown_workload_stops_the_run(packages: Any, event: Any, context: Any) -> None:
    with pytest.raises(UnknownWorkload, match="letters"):
        handler({**event, "workload": "letters"}, context)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("workload", "../digits"),
        ("dataset", "a/b"),
        ("run", "a b"),
        ("run", "x" * 81),
        ("hyperparameters", ["epochs"]),
        ("dataset", None),
    ],
)
def test_a_wrong_field_of_the_input_is_named(packages: Any, event: Any, context: Any, field: str, value: Any) -> None:
    with pytest.raises(InvalidInput, match=f"input.{field}"):
        handler({**event, field: value}, context)
    del event[field]
    with pytest.raises(InvalidInput, match=f"input.{field} is missing"):
        handler(event, context)


def test_an_image_of_ones_own_starts_its_own_programs_and_is_measured_by_its_answers(
    packages: Any, parameters: dict[str, Any], event: Any, context: Any
) -> None:
    descriptor = parameters["/slipway/dev/workloads/digits"]
    descriptor["training"]["script"] = None
    descriptor["evaluation"] |= {"evaluator_uri": "s3://assets/3c4d.zip", "label_column": "species"}
    planned = plan(event, context)
    training, evaluation = planned["training_job"], planned["evaluation_job"]
    assert "ContainerEntrypoint" not in training["AlgorithmSpecification"]
    assert [channel["ChannelName"] for channel in training["InputDataConfig"]] == ["test", "train"]
    assert training["Environment"] == {"OMP_NUM_THREADS": "2"}
    assert training["EnableNetworkIsolation"] is True
    program = ["python3", "/opt/ml/processing/input/evaluator/3c4d.zip"]
    assert evaluation["AppSpecification"]["ContainerEntrypoint"] == program
    assert evaluation["Environment"] == {"OMP_NUM_THREADS": "1", "SLIPWAY_LABEL_COLUMN": '"species"'}
    assert {found["InputName"] for found in evaluation["ProcessingInputs"]} == {"challenger", "holdout", "evaluator"}
    assert evaluation["NetworkConfig"] == {"EnableNetworkIsolation": True}
    assert violations("sagemaker", "CreateTrainingJob", training) == []
    assert violations("sagemaker", "CreateProcessingJob", evaluation) == []


def test_what_serves_is_the_champion_and_not_what_was_approved_last(
    packages: Any, aws: LoopbackAws, event: Any, context: Any
) -> None:
    packages += [package_summary(3), package_summary(2), {**package_summary(1), "ModelApprovalStatus": "Rejected"}]
    serve(aws, ("primary", "slipway-dev-digits-v1-0123abcd", 1.0))
    planned = plan(event, context)
    assert planned["champion"] == champion(1, serves=True)
    assert inputs(planned["evaluation_job"])["champion"][0] == "s3://slipway-artifacts/model-1.tar.gz"


def test_of_two_that_serve_the_one_with_more_traffic_is_the_champion(
    packages: Any, aws: LoopbackAws, event: Any, context: Any
) -> None:
    packages += [package_summary(3), package_summary(2)]
    serve(aws, ("green", "slipway-dev-digits-v3-0123abcd", 10.0), ("blue", "slipway-dev-digits-v2-0123abcd", 90.0))
    assert plan(event, context)["champion"] == champion(2, serves=True)


@pytest.mark.parametrize("model", ["made-by-hand", "slipway-dev-digits-v7-0123abcd"])
def test_where_no_package_is_known_of_what_serves_the_newest_approved_one_is_the_champion(
    packages: Any, aws: LoopbackAws, event: Any, context: Any, model: str
) -> None:
    packages.append(package_summary(3))
    serve(aws, ("primary", model, 1.0))
    assert plan(event, context)["champion"] == champion(3)


def test_an_endpoint_that_is_being_created_serves_nothing_yet(
    packages: Any, aws: LoopbackAws, event: Any, context: Any
) -> None:
    packages.append(package_summary(3))
    serve(aws)
    assert plan(event, context)["champion"] == champion(3)


def test_a_run_that_made_the_champion_is_not_compared_with_itself(
    packages: Any, aws: LoopbackAws, event: Any, context: Any
) -> None:
    packages.append(package_summary(3))
    serve(aws, ("primary", "slipway-dev-digits-v3-0123abcd", 1.0))
    planned = plan({**event, "run": "run-3"}, context)
    assert planned["champion"] == champion(3, serves=True, own=True)
    assert "champion" not in inputs(planned["evaluation_job"])


def test_a_champion_whose_artifact_is_gone_is_not_given_to_a_job_that_would_fail(
    packages: Any, aws: LoopbackAws, event: Any, context: Any
) -> None:
    packages.append(package_summary(3))
    aws.objects.clear()
    aws.objects.add("slipway-artifacts/model-3.tar.gz.other")
    planned = plan(event, context)
    assert planned["champion"] == champion(3, lost=True)
    assert "champion" not in inputs(planned["evaluation_job"])
