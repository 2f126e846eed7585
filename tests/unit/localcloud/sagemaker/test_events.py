"""What EventBridge hears of changes, against the documented examples."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .conftest import ACCOUNT, REGION, ControlPlane

PREFIX = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:"
CONTAINER = {"Containers": [{"Image": "i", "ModelDataUrl": "s3://artifacts/model.tar.gz"}]}


def test_a_training_job_is_announced_at_each_step(plane: ControlPlane, training_job: dict[str, Any]) -> None:
    plane.client.create_training_job(**training_job, Tags=[{"Key": "team", "Value": "vision"}])
    plane.store.update("training-job", "digits-1", lambda job: job.update(SecondaryStatus="Training"))
    plane.store.update("training-job", "digits-1", lambda job: job.update(BillableTimeInSeconds=3))
    plane.store.update(
        "training-job", "digits-1", lambda job: job.update(TrainingJobStatus="Failed", FailureReason="AlgorithmError")
    )
    events = plane.events()
    assert {detail_type for detail_type, _ in events} == {"SageMaker Training Job State Change"}
    steps = [(detail["TrainingJobStatus"], detail["SecondaryStatus"]) for _, detail in events]
    assert steps == [("InProgress", "Starting"), ("InProgress", "Training"), ("Failed", "Training")]
    assert events[-1][1]["FailureReason"] == "AlgorithmError"
    assert [detail["Tags"] for _, detail in events] == [{"team": "vision"}] * 3


def test_an_event_names_its_source_and_resource(plane: ControlPlane, training_job: dict[str, Any]) -> None:
    plane.client.create_training_job(**training_job)
    plane.events()
    source, _, detail, resources = plane.published[0]
    assert (source, resources) == ("aws.sagemaker", [f"{PREFIX}training-job/digits-1"])
    assert detail["TrainingJobArn"] == resources[0]


def test_times_are_epoch_milliseconds_throughout_the_detail(plane: ControlPlane, training_job: dict[str, Any]) -> None:
    plane.client.create_training_job(**training_job)
    job = plane.store.get("training-job", "digits-1")
    _, detail = plane.events()[0]
    assert detail["CreationTime"] == round(job["CreationTime"] * 1000)
    start = job["SecondaryStatusTransitions"][0]["StartTime"]
    assert detail["SecondaryStatusTransitions"][0]["StartTime"] == round(start * 1000)


def test_a_processing_job_is_announced_by_its_status(plane: ControlPlane, processing_job: dict[str, Any]) -> None:
    plane.client.create_processing_job(**processing_job)
    name = processing_job["ProcessingJobName"]
    plane.store.update("processing-job", name, lambda job: job.update(ProcessingJobStatus="Completed"))
    statuses = [(detail_type, detail["ProcessingJobStatus"]) for detail_type, detail in plane.events()]
    assert statuses == [
        ("SageMaker Processing Job State Change", "InProgress"),
        ("SageMaker Processing Job State Change", "Completed"),
    ]


def test_the_status_of_an_endpoint_is_in_capitals(plane: ControlPlane, deploy: Callable[..., str]) -> None:
    plane.client.create_endpoint(EndpointName="e", EndpointConfigName=deploy("v1"))
    plane.bring_in_service("e")
    for status in ("UpdateRollbackFailed", "SystemUpdating", "OutOfService"):
        plane.store.update("endpoint", "e", lambda endpoint, status=status: endpoint.update(EndpointStatus=status))
    plane.store.delete("endpoint", "e")
    heard = [detail["EndpointStatus"] for name, detail in plane.events() if name == "SageMaker Endpoint State Change"]
    assert heard == ["CREATING", "IN_SERVICE", "UPDATE_ROLLBACK_FAILED", "SYSTEM_UPDATING", "OUT_OF_SERVICE"]


def test_private_members_stay_private(plane: ControlPlane, deploy: Callable[..., str]) -> None:
    plane.client.create_endpoint(EndpointName="e", EndpointConfigName=deploy("v1"))
    assert "_TargetConfig" in plane.store.get("endpoint", "e")
    assert not [key for _, detail in plane.events() for key in detail if key.startswith("_")]


def test_models_and_endpoint_configs_are_announced_when_they_come_and_go(
    plane: ControlPlane, deploy: Callable[..., str]
) -> None:
    deploy("v1")
    plane.client.delete_endpoint_config(EndpointConfigName="v1")
    plane.client.delete_model(ModelName="v1")
    model, config = "SageMaker Model State Change", "SageMaker Endpoint Config State Change"
    assert [name for name, _ in plane.events()] == [model, config, config, model]


def test_a_model_package_is_announced_when_registered_and_when_approved(plane: ControlPlane) -> None:
    plane.client.create_model_package_group(ModelPackageGroupName="digits")
    arn = plane.client.create_model_package(ModelPackageGroupName="digits", InferenceSpecification=CONTAINER)[
        "ModelPackageArn"
    ]
    plane.client.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved", ApprovalDescription="good")
    (first_type, registered), (second_type, approved) = plane.events()
    assert first_type == second_type == "SageMaker Model Package State Change"
    for detail, approval in ((registered, "PendingManualApproval"), (approved, "Approved")):
        assert detail["ModelPackageGroupName"] == "digits"
        assert detail["ModelPackageName"] == "digits/1"
        assert detail["ModelPackageVersion"] == 1
        assert detail["ModelPackageArn"] == arn == f"{PREFIX}model-package/digits/1"
        assert detail["ModelPackageStatus"] == "Completed"
        assert detail["ModelApprovalStatus"] == approval
        assert detail["InferenceSpecification"] == CONTAINER
        assert detail["CreationTime"].endswith("Z")
    assert "UpdatedModelPackageFields" not in registered
    assert approved["UpdatedModelPackageFields"] == ["ModelApprovalStatus", "ApprovalDescription"]


def test_a_model_package_approved_from_the_start_is_announced_as_approved(plane: ControlPlane) -> None:
    plane.client.create_model_package_group(ModelPackageGroupName="digits")
    plane.client.create_model_package(
        ModelPackageGroupName="digits", InferenceSpecification=CONTAINER, ModelApprovalStatus="Approved"
    )
    assert [detail["ModelApprovalStatus"] for _, detail in plane.events()] == ["Approved"]


def test_tagging_is_no_state_change(plane: ControlPlane, training_job: dict[str, Any]) -> None:
    arn = plane.client.create_training_job(**training_job)["TrainingJobArn"]
    plane.client.add_tags(ResourceArn=arn, Tags=[{"Key": "a", "Value": "b"}])
    assert len(plane.events()) == 1
