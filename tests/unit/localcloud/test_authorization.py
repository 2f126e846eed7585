import json

import pytest

from localcloud import authorization
from localcloud.authorization import Operation

PREFIX = "arn:aws:sagemaker:us-east-1:000000000000:"


def resources(operation: Operation, request: dict, path: str = "/") -> list[str]:
    body = json.dumps(request).encode()
    return authorization.resources(operation, path=path, body=body, region="us-east-1", account="000000000000")


@pytest.mark.parametrize(
    ("operation", "request_", "expected"),
    [
        ("CreateTrainingJob", {"TrainingJobName": "Job-1"}, ["training-job/job-1"]),
        ("StopProcessingJob", {"ProcessingJobName": "p"}, ["processing-job/p"]),
        ("DescribeEndpoint", {"EndpointName": "e"}, ["endpoint/e"]),
        ("UpdateEndpointWeightsAndCapacities", {"EndpointName": "e"}, ["endpoint/e"]),
        ("CreateEndpoint", {"EndpointName": "e", "EndpointConfigName": "c"}, ["endpoint/e", "endpoint-config/c"]),
        ("UpdateEndpoint", {"EndpointName": "e", "EndpointConfigName": "c"}, ["endpoint/e", "endpoint-config/c"]),
        ("CreateModelPackage", {"ModelPackageGroupName": "g"}, ["model-package/g/*"]),
        (
            "UpdateModelPackage",
            {"ModelPackageArn": "arn:aws:sagemaker:us-east-1:000000000000:model-package/g/2"},
            ["model-package/g/2"],
        ),
        ("DescribeModelPackage", {"ModelPackageName": PREFIX + "model-package/g/1"}, ["model-package/g/1"]),
        ("DescribeModelPackageGroup", {"ModelPackageGroupName": "g"}, ["model-package-group/g"]),
        ("AddTags", {"ResourceArn": PREFIX + "endpoint/e"}, ["endpoint/e"]),
    ],
)
def test_operations_are_checked_on_what_they_name(operation, request_, expected):
    assert resources(Operation(operation), request_) == [PREFIX + part for part in expected]


@pytest.mark.parametrize(
    ("operation", "request_"),
    [("ListEndpoints", {}), ("DescribeEndpoint", {}), ("DescribeEndpoint", {"EndpointName": 3}), ("Unheard", {})],
)
def test_without_a_resource_the_check_is_on_everything(operation, request_):
    assert resources(Operation(operation), request_) == ["*"]


@pytest.mark.parametrize("body", [b"", b"not json", b"[1]", b"[" * 100_000])
def test_a_body_that_is_no_request_is_left_to_the_api(body):
    operation = Operation("DescribeEndpoint")
    assert authorization.resources(operation, path="/", body=body, region="r", account="a") == ["*"]


def test_the_path_decides_before_the_target_header():
    found = authorization.operation("POST", "/endpoints/e/invocations", "SageMaker.ListEndpoints")
    assert found == Operation("InvokeEndpoint", runtime=True)
    assert found.action == "sagemaker:InvokeEndpoint"
    assert resources(found, {}, "/endpoints/e/invocations") == [PREFIX + "endpoint/e"]


@pytest.mark.parametrize(
    ("method", "path", "target"),
    [
        ("GET", "/", "SageMaker.ListEndpoints"),
        ("POST", "/x", "SageMaker.ListEndpoints"),
        ("POST", "/", "Other.List"),
        ("GET", "/endpoints/e/invocations", ""),
        ("POST", "/", ""),
    ],
)
def test_what_is_no_operation_has_none(method, path, target):
    assert authorization.operation(method, path, target) is None
