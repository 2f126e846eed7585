"""The control plane as a whole: protocol, errors, paging and tags, through boto3."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from localcloud.sagemaker.api import SageMakerApi
from localcloud.sagemaker.resources import OPERATIONS
from localcloud.sagemaker.service_model import service_model

from .conftest import ACCOUNT, REGION, ROLE, Caller, CloudConfig, ControlPlane, error_of


def call(plane: ControlPlane, operation: str, body: bytes) -> tuple[int, dict[str, Any]]:
    status, _, answer = plane.api.handle(operation, body, Caller())
    return status, json.loads(answer)


def test_an_operation_that_the_service_has_not_is_unknown(plane: ControlPlane) -> None:
    status, answer = call(plane, "CreateTrainingJobb", b"{}")
    assert (status, answer["__type"]) == (400, "UnknownOperationException")
    assert "CreateTrainingJobb" in answer["message"]


def test_every_operation_of_the_service_is_covered_or_said_not_to_be(plane: ControlPlane) -> None:
    operations = service_model().operation_names
    assert OPERATIONS.keys() <= set(operations)
    for operation in operations:
        if operation not in OPERATIONS:
            status, answer = call(plane, operation, b"{}")
            assert (status, answer["message"]) == (400, f"The embedded cloud does not cover the operation {operation}")


def test_an_answer_carries_a_request_id_and_the_protocols_content_type(plane: ControlPlane) -> None:
    status, headers, _ = plane.api.handle("ListModels", b"{}", Caller())
    assert status == 200
    assert headers["Content-Type"] == "application/x-amz-json-1.1"
    assert headers["x-amzn-RequestId"]


def test_an_unreadable_body_is_a_serialization_error(plane: ControlPlane) -> None:
    status, answer = call(plane, "CreateModel", b'{"ModelName": ')
    assert (status, answer["__type"]) == (400, "SerializationException")


def test_a_defect_of_the_cloud_is_an_internal_failure_and_says_nothing(
    plane: ControlPlane, training_job: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*arguments: Any) -> None:
        raise RuntimeError("a secret detail")

    monkeypatch.setattr(plane.store, "create", broken)
    status, answer = call(plane, "CreateTrainingJob", json.dumps(training_job).encode())
    assert (status, answer["__type"]) == (500, "InternalFailure")
    assert "secret" not in answer["message"]


@pytest.mark.parametrize("operation", ["create_training_job", "create_processing_job", "create_model"])
def test_handing_over_a_role_needs_pass_role(
    plane: ControlPlane, training_job: dict[str, Any], processing_job: dict[str, Any], operation: str
) -> None:
    plane.authorizer.denied.add(("iam:PassRole", ROLE))
    model = {"ModelName": "m", "PrimaryContainer": {"Image": "i"}, "ExecutionRoleArn": ROLE}
    requests = {
        "create_training_job": training_job,
        "create_processing_job": processing_job,
        "create_model": model,
    }
    code, message = error_of(getattr(plane.client, operation), **requests[operation])
    assert code == "AccessDeniedException"
    assert message == (
        f"User: arn:aws:iam::{ACCOUNT}:user/tester is not authorized to perform: iam:PassRole on resource: {ROLE} "
        "because no identity-based policy allows the iam:PassRole action"
    )
    assert plane.jobs.calls == []
    assert plane.authorizer.asked == [("iam:PassRole", ROLE, {"iam:PassedToService": "sagemaker.amazonaws.com"})]
    assert list(plane.store.list("training-job")) == list(plane.store.list("model")) == []


def test_an_authorizer_that_does_not_say_yes_denies(plane: ControlPlane, training_job: dict[str, Any]) -> None:
    api = SageMakerApi(
        config=CloudConfig(),
        store=plane.store,
        jobs=plane.jobs,
        endpoints=plane.endpoints,
        authorize=lambda *arguments: None,
    )
    status, _, answer = api.handle("CreateTrainingJob", json.dumps(training_job).encode(), Caller())
    assert (status, json.loads(answer)["__type"]) == (400, "AccessDeniedException")


def test_creating_with_tags_needs_add_tags(plane: ControlPlane) -> None:
    arn = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model/m"
    plane.authorizer.denied.add(("sagemaker:AddTags", arn))
    tags = [{"Key": "team", "Value": "vision"}]
    code, message = error_of(plane.client.create_model, ModelName="m", PrimaryContainer={"Image": "i"}, Tags=tags)
    assert (code, "sagemaker:AddTags" in message) == ("AccessDeniedException", True)
    plane.client.create_model(ModelName="m", PrimaryContainer={"Image": "i"})  # without tags it needs none


def test_a_model_without_a_role_passes_none(plane: ControlPlane) -> None:
    plane.client.create_model(ModelName="m", PrimaryContainer={"Image": "i"})
    assert plane.authorizer.asked == []


def test_of_concurrent_creates_of_one_name_exactly_one_is_answered(
    plane: ControlPlane, training_job: dict[str, Any]
) -> None:
    body = json.dumps(training_job).encode()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: plane.api.handle("CreateTrainingJob", body, Caller()), range(8)))
    assert sorted(status for status, _, _ in answers) == [200] + [400] * 7
    refused = {json.loads(body)["__type"] for status, _, body in answers if status == 400}
    assert refused == {"ResourceInUse"}
    assert plane.jobs.calls == [("start", "training-job", "digits-1")]


class TestListing:
    @pytest.fixture
    def names(self, plane: ControlPlane) -> list[str]:
        names = [f"model-{number:02}" for number in range(25)]
        for name in names:
            plane.client.create_model(ModelName=name, PrimaryContainer={"Image": "i"})
        return names

    def test_the_pages_together_are_everything_once(self, plane: ControlPlane, names: list[str]) -> None:
        pages = list(plane.client.get_paginator("list_models").paginate(SortBy="Name", SortOrder="Ascending"))
        sizes = [len(page["Models"]) for page in pages]
        found = [model["ModelName"] for page in pages for model in page["Models"]]
        assert sizes == [10, 10, 5]
        assert found == names

    def test_models_come_newest_first_unless_asked_otherwise(self, plane: ControlPlane, names: list[str]) -> None:
        newest = plane.client.list_models(MaxResults=3)["Models"]
        oldest = plane.client.list_models(MaxResults=3, SortOrder="Ascending")["Models"]
        assert [model["CreationTime"] for model in newest] == sorted(
            (model["CreationTime"] for model in newest), reverse=True
        )
        assert newest[0]["CreationTime"] >= oldest[-1]["CreationTime"]

    def test_a_page_that_ends_with_the_last_item_has_no_token(self, plane: ControlPlane, names: list[str]) -> None:
        assert "NextToken" not in plane.client.list_models(MaxResults=25)
        assert "NextToken" in plane.client.list_models(MaxResults=24)

    def test_a_resource_created_between_two_pages_shifts_none(self, plane: ControlPlane, names: list[str]) -> None:
        arguments = {"SortBy": "Name", "SortOrder": "Ascending", "MaxResults": 5}
        first = plane.client.list_models(**arguments)
        plane.client.create_model(ModelName="a-first", PrimaryContainer={"Image": "i"})
        second = plane.client.list_models(**arguments, NextToken=first["NextToken"])
        assert [model["ModelName"] for model in second["Models"]] == names[5:10]

    def test_names_are_filtered_by_what_they_contain(self, plane: ControlPlane, names: list[str]) -> None:
        found = plane.client.list_models(NameContains="-1", MaxResults=100)["Models"]
        assert {model["ModelName"] for model in found} == {name for name in names if "-1" in name}

    @pytest.mark.parametrize("token", ["garbage", "W10=", "bnVsbA==", "é"])
    def test_a_made_up_token_is_refused(self, plane: ControlPlane, token: str) -> None:
        code, message = error_of(plane.client.list_models, NextToken=token)
        assert (code, message.startswith(f"Invalid NextToken '{token}'")) == ("ValidationException", True)

    def test_a_token_of_another_request_is_refused(self, plane: ControlPlane, names: list[str]) -> None:
        token = plane.client.list_models(MaxResults=5)["NextToken"]
        for arguments in ({"NameContains": "model"}, {"SortBy": "Name"}):
            assert error_of(plane.client.list_models, NextToken=token, **arguments)[0] == "ValidationException"
        code, message = error_of(plane.client.list_endpoints, NextToken=token)
        assert code == "ValidationException"
        assert "no request with these parameters returned it" in message

    def test_jobs_are_filtered_by_status_and_time(self, plane: ControlPlane, training_job: dict[str, Any]) -> None:
        for number in range(4):
            plane.client.create_training_job(**{**training_job, "TrainingJobName": f"job-{number}"})
        plane.store.update("training-job", "job-2", lambda job: job.update(TrainingJobStatus="Failed"))
        failed = plane.client.list_training_jobs(StatusEquals="Failed")["TrainingJobSummaries"]
        assert [job["TrainingJobName"] for job in failed] == ["job-2"]
        times = {job["TrainingJobName"]: job["CreationTime"] for job in plane.store.list("training-job")}
        later = plane.client.list_training_jobs(CreationTimeAfter=times["job-1"])["TrainingJobSummaries"]
        assert {job["TrainingJobName"] for job in later} == {name for name in times if times[name] > times["job-1"]}

    def test_a_filter_that_is_not_covered_is_refused_rather_than_ignored(self, plane: ControlPlane) -> None:
        plan = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:training-plan/plan-1"
        code, message = error_of(plane.client.list_training_jobs, TrainingPlanArnEquals=plan)
        assert code == "ValidationException"
        assert message == "The embedded cloud does not cover the filter TrainingPlanArnEquals of ListTrainingJobs"


class TestTags:
    arn = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model/m"

    @pytest.fixture(autouse=True)
    def model(self, plane: ControlPlane) -> None:
        plane.client.create_model(
            ModelName="m", PrimaryContainer={"Image": "i"}, Tags=[{"Key": "team", "Value": "vision"}]
        )

    def test_tags_can_be_added_replaced_listed_and_deleted(self, plane: ControlPlane) -> None:
        added = [{"Key": "team", "Value": "speech"}, {"Key": "stage", "Value": "dev"}]
        assert plane.client.add_tags(ResourceArn=self.arn, Tags=added)["Tags"] == added
        plane.client.delete_tags(ResourceArn=self.arn, TagKeys=["team", "absent"])
        assert plane.client.list_tags(ResourceArn=self.arn)["Tags"] == [{"Key": "stage", "Value": "dev"}]

    def test_tags_are_no_part_of_the_description(self, plane: ControlPlane) -> None:
        assert "team" not in str(plane.client.describe_model(ModelName="m"))

    def test_tags_go_with_their_resource(self, plane: ControlPlane) -> None:
        plane.client.delete_model(ModelName="m")
        plane.client.create_model(ModelName="m", PrimaryContainer={"Image": "i"})
        assert plane.client.list_tags(ResourceArn=self.arn)["Tags"] == []

    def test_a_resource_has_at_most_fifty_tags(self, plane: ControlPlane) -> None:
        many = [{"Key": f"k{number}", "Value": ""} for number in range(50)]
        code, message = error_of(plane.client.add_tags, ResourceArn=self.arn, Tags=many)
        assert code == "ValidationException"
        assert message == f"The resource {self.arn} would have 51 tags; at most 50 are allowed"
        assert len(plane.client.list_tags(ResourceArn=self.arn)["Tags"]) == 1

    @pytest.mark.parametrize(
        ("tags", "message"),
        [
            ([{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}], "Duplicate tag key 'a'"),
            ([{"Key": "aws:x", "Value": "1"}], "the prefix aws: is reserved"),
        ],
    )
    def test_bad_tags_are_refused_before_anything_is_created(
        self, plane: ControlPlane, tags: list[dict[str, str]], message: str
    ) -> None:
        code, text = error_of(plane.client.create_model, ModelName="n", PrimaryContainer={"Image": "i"}, Tags=tags)
        assert (code, message in text) == ("ValidationException", True)
        assert plane.client.list_models(NameContains="n")["Models"] == []

    @pytest.mark.parametrize(
        "arn",
        [
            f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model/absent",
            f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:pipeline/m",
            f"arn:aws:sagemaker:{REGION}:999999999999:model/m",
        ],
    )
    def test_only_existing_resources_of_this_account_have_tags(self, plane: ControlPlane, arn: str) -> None:
        for tagging in (
            lambda: plane.client.list_tags(ResourceArn=arn),
            lambda: plane.client.add_tags(ResourceArn=arn, Tags=[{"Key": "a", "Value": "b"}]),
            lambda: plane.client.delete_tags(ResourceArn=arn, TagKeys=["a"]),
        ):
            code, message = error_of(tagging)
            assert (code, arn in message) == ("ValidationException", True)
