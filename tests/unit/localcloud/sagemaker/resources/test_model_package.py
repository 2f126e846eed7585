"""Model package groups and packages: versions, approval, and finding them again."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from ..conftest import ACCOUNT, IMAGE, REGION, Caller, ControlPlane, error_of

PREFIX = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:"
SPECIFICATION = {"Containers": [{"Image": IMAGE, "ModelDataUrl": "s3://artifacts/model.tar.gz"}]}


@pytest.fixture(autouse=True)
def group(plane: ControlPlane) -> None:
    arn = plane.client.create_model_package_group(ModelPackageGroupName="digits")["ModelPackageGroupArn"]
    assert arn == f"{PREFIX}model-package-group/digits"


def register(plane: ControlPlane, **members: Any) -> str:
    request = {"ModelPackageGroupName": "digits", "InferenceSpecification": SPECIFICATION, **members}
    return plane.client.create_model_package(**request)["ModelPackageArn"]


def versions(plane: ControlPlane, **filters: Any) -> list[int]:
    pages = plane.client.get_paginator("list_model_packages").paginate(ModelPackageGroupName="digits", **filters)
    return [package["ModelPackageVersion"] for page in pages for package in page["ModelPackageSummaryList"]]


def test_a_registered_package_is_described_as_requested(plane: ControlPlane) -> None:
    metadata = {"dataset": "20260101-000000-abcd"}
    arn = register(plane, CustomerMetadataProperties=metadata, ModelPackageDescription="digits")
    assert arn == f"{PREFIX}model-package/digits/1"
    package = plane.client.describe_model_package(ModelPackageName=arn)
    assert package["InferenceSpecification"] == SPECIFICATION
    assert package["CustomerMetadataProperties"] == metadata
    assert (package["ModelPackageGroupName"], package["ModelPackageVersion"]) == ("digits", 1)
    assert (package["ModelPackageStatus"], package["ModelApprovalStatus"]) == ("Completed", "PendingManualApproval")
    assert plane.client.describe_model_package(ModelPackageName="digits/1")["ModelPackageArn"] == arn


def test_a_version_is_one_more_than_the_highest_ever(plane: ControlPlane) -> None:
    assert register(plane).endswith("/1")
    last = register(plane)
    plane.client.delete_model_package(ModelPackageName=last)
    assert register(plane).endswith("/3")
    assert versions(plane, SortOrder="Ascending") == [1, 3]


def test_concurrent_registrations_get_versions_of_their_own(plane: ControlPlane) -> None:
    body = json.dumps({"ModelPackageGroupName": "digits", "InferenceSpecification": SPECIFICATION}).encode()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: plane.api.handle("CreateModelPackage", body, Caller()), range(16)))
    assert {status for status, _, _ in answers} == {200}
    assert sorted(versions(plane)) == list(range(1, 17))


def test_a_repeated_client_token_registers_nothing_new(plane: ControlPlane) -> None:
    first = register(plane, ClientToken="attempt-1")
    assert register(plane, ClientToken="attempt-1") == first
    assert register(plane, ClientToken="attempt-2") != first


def test_a_group_may_be_named_by_its_arn(plane: ControlPlane) -> None:
    arn = f"{PREFIX}model-package-group/digits"
    assert register(plane, ModelPackageGroupName=arn) == f"{PREFIX}model-package/digits/1"
    assert plane.client.describe_model_package_group(ModelPackageGroupName=arn)["ModelPackageGroupName"] == "digits"


def test_approval_is_an_update_and_finds_the_approved(plane: ControlPlane) -> None:
    first, second = register(plane), register(plane)
    plane.client.update_model_package(
        ModelPackageArn=second, ModelApprovalStatus="Approved", ApprovalDescription="better"
    )
    package = plane.client.describe_model_package(ModelPackageName=second)
    assert (package["ModelApprovalStatus"], package["ApprovalDescription"]) == ("Approved", "better")
    assert package["LastModifiedTime"] >= package["CreationTime"]
    assert versions(plane, ModelApprovalStatus="Approved") == [2]
    assert plane.client.describe_model_package(ModelPackageName=first)["ModelApprovalStatus"] == "PendingManualApproval"


def test_metadata_is_merged_and_removed_by_key(plane: ControlPlane) -> None:
    arn = register(plane, CustomerMetadataProperties={"a": "1", "b": "2"})
    plane.client.update_model_package(
        ModelPackageArn=arn,
        CustomerMetadataProperties={"b": "3", "c": "4"},
        CustomerMetadataPropertiesToRemove=["a"],
    )
    package = plane.client.describe_model_package(ModelPackageName=arn)
    assert package["CustomerMetadataProperties"] == {"b": "3", "c": "4"}


def test_a_package_may_stand_alone(plane: ControlPlane) -> None:
    register(plane)
    arn = plane.client.create_model_package(ModelPackageName="alone", InferenceSpecification=SPECIFICATION)[
        "ModelPackageArn"
    ]
    assert arn == f"{PREFIX}model-package/alone"
    package = plane.client.describe_model_package(ModelPackageName="alone")
    assert package["ModelPackageName"] == "alone"
    assert "ModelApprovalStatus" not in package
    found = {
        kind: [
            package["ModelPackageArn"].rsplit("model-package/")[-1]
            for package in plane.client.list_model_packages(ModelPackageType=kind)["ModelPackageSummaryList"]
        ]
        for kind in ("Versioned", "Unversioned", "Both")
    }
    assert found == {"Versioned": ["digits/1"], "Unversioned": ["alone"], "Both": ["digits/1", "alone"]}


@pytest.mark.parametrize(
    ("request_members", "message"),
    [
        ({}, "Exactly one of ModelPackageName or ModelPackageGroupName must be specified"),
        ({"ModelPackageName": "a", "ModelPackageGroupName": "digits"}, "found ModelPackageName and"),
        ({"ModelPackageName": "a"}, "Exactly one of InferenceSpecification or SourceAlgorithmSpecification"),
        (
            {"ModelPackageName": "a", "InferenceSpecification": SPECIFICATION, "ModelApprovalStatus": "Approved"},
            "ModelApprovalStatus applies only to model packages that belong to a group",
        ),
        (
            {"ModelPackageGroupName": "absent", "InferenceSpecification": SPECIFICATION},
            f"ModelPackageGroup {PREFIX}model-package-group/absent does not exist.",
        ),
        (
            {"ModelPackageGroupName": "digits", "InferenceSpecification": {"Containers": [{}]}},
            "Image must be specified in inferenceSpecification.containers.1.member",
        ),
    ],
)
def test_a_registration_beyond_the_documented_limits_is_refused(
    plane: ControlPlane, request_members: dict[str, Any], message: str
) -> None:
    code, text = error_of(plane.client.create_model_package, **request_members)
    assert (code, message in text) == ("ValidationException", True), text
    assert register(plane).endswith("/1")  # and no version is lost by it


def test_a_missing_package_is_named(plane: ControlPlane) -> None:
    arn = f"{PREFIX}model-package/digits/9"
    missing = ("ValidationException", f"ModelPackage {arn} does not exist.")
    assert error_of(plane.client.describe_model_package, ModelPackageName=arn) == missing
    assert error_of(plane.client.delete_model_package, ModelPackageName=arn) == missing
    assert error_of(plane.client.update_model_package, ModelPackageArn=arn, ModelApprovalStatus="Approved") == missing


def test_a_batch_describes_what_is_there_and_reports_what_is_not(plane: ControlPlane) -> None:
    arn, absent = register(plane), f"{PREFIX}model-package/digits/9"
    answer = plane.client.batch_describe_model_package(ModelPackageArnList=[arn, absent])
    assert answer["ModelPackageSummaries"][arn]["ModelPackageVersion"] == 1
    assert answer["BatchDescribeModelPackageErrorMap"][absent]["ErrorCode"] == "ValidationException"


def test_a_group_with_packages_cannot_be_deleted(plane: ControlPlane) -> None:
    arn = register(plane)
    assert error_of(plane.client.delete_model_package_group, ModelPackageGroupName="digits")[0] == "ConflictException"
    plane.client.delete_model_package(ModelPackageName=arn)
    plane.client.delete_model_package_group(ModelPackageGroupName="digits")
    assert error_of(plane.client.describe_model_package_group, ModelPackageGroupName="digits") == (
        "ValidationException",
        f"ModelPackageGroup {PREFIX}model-package-group/digits does not exist.",
    )


def test_a_taken_group_name_is_refused(plane: ControlPlane) -> None:
    assert error_of(plane.client.create_model_package_group, ModelPackageGroupName="digits") == (
        "ValidationException",
        f"Model Package Group already exists: {PREFIX}model-package-group/digits",
    )


def test_a_group_keeps_a_resource_policy(plane: ControlPlane) -> None:
    client, policy = plane.client, json.dumps({"Version": "2012-10-17", "Statement": []})
    absent = error_of(client.get_model_package_group_policy, ModelPackageGroupName="digits")
    assert absent[1].startswith("Cannot find resource policy")
    assert (
        "not valid JSON"
        in error_of(client.put_model_package_group_policy, ModelPackageGroupName="digits", ResourcePolicy="{")[1]
    )
    client.put_model_package_group_policy(ModelPackageGroupName="digits", ResourcePolicy=policy)
    assert client.get_model_package_group_policy(ModelPackageGroupName="digits")["ResourcePolicy"] == policy
    client.delete_model_package_group_policy(ModelPackageGroupName="digits")
    assert error_of(client.get_model_package_group_policy, ModelPackageGroupName="digits") == absent
