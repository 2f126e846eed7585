"""What tests written for other emulators expect of describe, list, delete and tags, held for each resource we answer.

The behaviours are those that moto's own tests hold (moto 5.2.3, tests/test_sagemaker), with AWS's answers.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import botocore
import pytest
from botocore.exceptions import ClientError

from tests.support import sagemaker_requests as requests
from tests.support.clients import Account
from tests.support.embedded_cloud import eventually, unique

_DAY = dt.timedelta(days=1)


@dataclass(frozen=True)
class Kind:
    """One kind of resource. ``listed`` is its list's member; ``status`` the one that is final before a deletion."""

    noun: str
    listed: str
    request: Callable[[Account, str], dict[str, Any]]
    status: str = ""
    missing: str = "Could not find"

    @property
    def name(self) -> str:
        return f"{self.noun}Name"

    @property
    def deletable(self) -> bool:
        """Of transform jobs SageMaker keeps the record for good."""
        return self.noun != "TransformJob"

    @property
    def arn(self) -> str:
        return f"{self.noun}Arn"

    def call(self, account: Account, verb: str, plural: str = "", **arguments: Any) -> dict[str, Any]:
        method = botocore.xform_name(f"{verb}{self.noun}{plural}")
        return getattr(account.cloud.client("sagemaker"), method)(**arguments)

    def list(self, account: Account, **arguments: Any) -> list[dict[str, Any]]:
        return self.call(account, "List", "s", **arguments)[self.listed]


Made = dict[str, tuple[str, list[str]]]
KINDS = [
    Kind("Model", "Models", requests.model),
    Kind("EndpointConfig", "EndpointConfigs", requests.endpoint_config),
    Kind("Endpoint", "Endpoints", requests.endpoint, "EndpointStatus"),
    Kind(
        "TrainingJob",
        "TrainingJobSummaries",
        requests.training_job,
        "TrainingJobStatus",
        "Requested resource not found",
    ),
    Kind("ProcessingJob", "ProcessingJobSummaries", requests.processing_job, "ProcessingJobStatus"),
    Kind(
        "HyperParameterTuningJob",
        "HyperParameterTuningJobSummaries",
        requests.tuning_job,
        "HyperParameterTuningJobStatus",
        "can't find a tuning job",
    ),
    Kind("TransformJob", "TransformJobSummaries", requests.transform_job, "TransformJobStatus"),
    Kind("ModelPackageGroup", "ModelPackageGroupSummaryList", requests.model_package_group, missing="does not exist"),
]


@pytest.fixture(scope="module")
def made(account: Account) -> Made:
    """Noun -> the prefix and the names of three of them, oldest first, the second with an X in its name."""
    found = {}
    for kind in KINDS:
        prefix = unique("floor")
        names = [f"{prefix}-c", f"{prefix}-aX", f"{prefix}-b"]
        for name in names:
            kind.call(account, "Create", **kind.request(account, name))
        found[kind.noun] = (prefix, names)
    return found


def _each(test: Any) -> Any:
    return pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.noun)(test)


@_each
def test_describe_gives_back_what_was_created(account: Account, kind: Kind) -> None:
    request = kind.request(account, unique("described"))
    created = kind.call(account, "Create", **request)
    found = kind.call(account, "Describe", **{kind.name: request[kind.name]})
    assert found[kind.arn] == created[kind.arn]
    assert found["CreationTime"].tzinfo is not None
    assert _differences(request, found) == []


def _differences(given: Any, found: Any, where: str = "") -> list[str]:
    """Where ``found`` lacks what was given. It may hold more: AWS fills in defaults."""
    if isinstance(given, dict) and isinstance(found, dict):
        return [line for key in given for line in _differences(given[key], found.get(key), f"{where}.{key}")]
    if isinstance(given, list) and isinstance(found, list) and len(given) == len(found):
        return [
            line
            for i, pair in enumerate(zip(given, found, strict=True))
            for line in _differences(*pair, f"{where}[{i}]")
        ]
    return [] if given == found else [f"{where}: {given!r} became {found!r}"]


@_each
def test_list_gives_name_arn_and_time_of_what_matches_the_name(account: Account, made: Made, kind: Kind) -> None:
    prefix, names = made[kind.noun]
    found = kind.list(account, NameContains=prefix)
    assert sorted(entry[kind.name] for entry in found) == sorted(names)
    assert all(entry[kind.arn].startswith("arn:aws:sagemaker:") and entry["CreationTime"] for entry in found)
    assert kind.list(account, NameContains=unique("nothing")) == []
    assert [entry[kind.name] for entry in kind.list(account, NameContains=f"{prefix}-aX")] == [names[1]]


@_each
def test_list_sorts_both_ways(account: Account, made: Made, kind: Kind) -> None:
    prefix, names = made[kind.noun]
    for sort_by, ascending in (("Name", sorted(names)), ("CreationTime", names)):
        for order, expected in (("Ascending", ascending), ("Descending", ascending[::-1])):
            found = kind.list(account, NameContains=prefix, SortBy=sort_by, SortOrder=order)
            assert [entry[kind.name] for entry in found] == expected, (sort_by, order)


@_each
def test_list_filters_by_time(account: Account, made: Made, kind: Kind) -> None:
    prefix, _ = made[kind.noun]
    now = dt.datetime.now(dt.UTC)
    for limit, count in (
        ({"CreationTimeAfter": now - _DAY}, 3),
        ({"CreationTimeAfter": now + _DAY}, 0),
        ({"CreationTimeBefore": now + _DAY}, 3),
        ({"CreationTimeBefore": now - _DAY}, 0),
    ):
        assert len(kind.list(account, NameContains=prefix, **limit)) == count, limit


@_each
def test_pages_go_on_where_the_token_says(account: Account, made: Made, kind: Kind) -> None:
    prefix, names = made[kind.noun]
    order = {"NameContains": prefix, "SortBy": "Name", "SortOrder": "Ascending", "MaxResults": 2}
    first = kind.call(account, "List", "s", **order)
    second = kind.call(account, "List", "s", **order, NextToken=first["NextToken"])
    found = [entry[kind.name] for page in (first, second) for entry in page[kind.listed]]
    assert found == sorted(names) and "NextToken" not in second


@_each
def test_list_refuses_what_is_out_of_bounds_and_names_it(account: Account, kind: Kind) -> None:
    for arguments, value, where in (
        ({"MaxResults": 101}, "101", "maxResults"),
        ({"SortBy": "Colour"}, "Colour", "sortBy"),
        ({"SortOrder": "Sideways"}, "Sideways", "sortOrder"),
    ):
        with pytest.raises(ClientError) as caught:
            kind.list(account, **arguments)
        error = caught.value.response["Error"]
        assert error["Code"] == "ValidationException"
        assert f"Value '{value}' at '{where}' failed to satisfy constraint" in error["Message"]


@_each
def test_what_is_not_there_is_named(account: Account, kind: Kind) -> None:
    for verb in ("Describe", "Delete") if kind.deletable else ("Describe",):
        with pytest.raises(ClientError) as caught:
            kind.call(account, verb, **{kind.name: "nowhere"})
        error = caught.value.response["Error"]
        assert error["Code"] in ("ValidationException", "ResourceNotFound"), verb
        assert kind.missing in error["Message"], verb


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.deletable], ids=lambda kind: kind.noun)
def test_what_is_deleted_is_neither_described_nor_listed(account: Account, kind: Kind) -> None:
    request = kind.request(account, unique("deleted"))
    kind.call(account, "Create", **request)
    name = {kind.name: request[kind.name]}
    if kind.status:
        requests.wait(lambda: kind.call(account, "Describe", **name), kind.status)
    kind.call(account, "Delete", **name)

    def gone() -> bool:
        return kind.list(account, NameContains=request[kind.name]) == []

    eventually(gone)
    with pytest.raises(ClientError):
        kind.call(account, "Describe", **name)


@_each
def test_a_name_that_is_taken_is_refused(account: Account, made: Made, kind: Kind) -> None:
    with pytest.raises(ClientError) as caught:
        kind.call(account, "Create", **kind.request(account, made[kind.noun][1][0]))
    assert caught.value.response["Error"]["Code"] in ("ValidationException", "ResourceInUse")


@_each
def test_tags_are_added_changed_listed_and_deleted(account: Account, kind: Kind) -> None:
    sagemaker, request = account.cloud.client("sagemaker"), kind.request(account, unique("tagged"))
    arn = kind.call(account, "Create", **request, Tags=[{"Key": "a", "Value": "1"}])[kind.arn]
    sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "a", "Value": "2"}, {"Key": "b", "Value": "3"}])
    assert _tags(sagemaker, arn) == {"a": "2", "b": "3"}
    sagemaker.delete_tags(ResourceArn=arn, TagKeys=["a"])
    assert _tags(sagemaker, arn) == {"b": "3"}


def _tags(sagemaker: Any, arn: str) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in sagemaker.list_tags(ResourceArn=arn)["Tags"]}


def test_an_endpoint_configuration_needs_its_model(account: Account) -> None:
    with pytest.raises(ClientError) as caught:
        account.cloud.client("sagemaker").create_endpoint_config(
            **requests.endpoint_config(account, unique("config"), of_model="no-such-model")
        )
    assert "Could not find model" in caught.value.response["Error"]["Message"]


def test_an_unknown_instance_type_is_refused_with_the_known_ones(account: Account) -> None:
    request = requests.endpoint_config(account, unique("config"))
    request["ProductionVariants"][0]["InstanceType"] = "ml.huge.1000xlarge"
    with pytest.raises(ClientError) as caught:
        account.cloud.client("sagemaker").create_endpoint_config(**request)
    error = caught.value.response["Error"]
    assert error["Code"] == "ValidationException"
    assert (
        "Value 'ml.huge.1000xlarge' at 'productionVariants.1.member.instanceType' failed to satisfy constraint"
        in error["Message"]
    )
    assert "ml.m5.large" in error["Message"]


@pytest.mark.real_effect("ListTrainingJobs")
@pytest.mark.parametrize(("status", "count"), [("Failed", 1), ("Completed", 0)])
def test_jobs_are_listed_by_status(account: Account, status: str, count: int) -> None:
    sagemaker, name = account.cloud.client("sagemaker"), unique("status")
    sagemaker.create_training_job(**requests.training_job(account, name))
    requests.wait(lambda: sagemaker.describe_training_job(TrainingJobName=name), "TrainingJobStatus")
    found = sagemaker.list_training_jobs(NameContains=name, StatusEquals=status)["TrainingJobSummaries"]
    assert len(found) == count
    assert all(entry["TrainingJobStatus"] == status and entry["TrainingEndTime"] for entry in found)


def test_model_packages_are_versions_of_their_group(account: Account) -> None:
    sagemaker, group = account.cloud.client("sagemaker"), unique("versions")
    sagemaker.create_model_package_group(ModelPackageGroupName=group, ModelPackageGroupDescription="of iris")
    arns = [
        sagemaker.create_model_package(ModelPackageGroupName=group, ModelApprovalStatus=status)["ModelPackageArn"]
        for status in ("PendingManualApproval", "Approved")
    ]
    assert [arn.rpartition("/")[2] for arn in arns] == ["1", "2"]
    approved = sagemaker.list_model_packages(ModelPackageGroupName=group, ModelApprovalStatus="Approved")
    assert [entry["ModelPackageVersion"] for entry in approved["ModelPackageSummaryList"]] == [2]
    sagemaker.update_model_package(ModelPackageArn=arns[0], ModelApprovalStatus="Rejected", ApprovalDescription="bias")
    found = sagemaker.describe_model_package(ModelPackageName=arns[0])
    assert (found["ModelApprovalStatus"], found["ApprovalDescription"]) == ("Rejected", "bias")
    assert found["LastModifiedTime"] >= found["CreationTime"]
