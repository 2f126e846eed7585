import re
from typing import Any

import pytest
from plan_rollout.handler import handler
from plan_rollout.logic import EndpointBusy, EndpointNotUpdatable, PackageNotApproved
from shared.errors import InvalidInput, UnknownWorkload

from tests.support.botocore_model import violations
from tests.support.loopback_aws import LoopbackAws, ServiceError

IMAGE = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/slipway-dev-digits:of-the-package"
MODEL = "s3://slipway-artifacts/digits/training/slipway-dev-digits-0123456789ab/output/model.tar.gz"


class Registry:
    """The package that the event names and the endpoint, as SageMaker knows them."""

    def __init__(self) -> None:
        self.approval = "Approved"
        self.environment: dict[str, str] = {}
        self.endpoint: dict[str, Any] | None = None

    def describe_package(self, request: dict[str, Any]) -> dict[str, Any]:
        container = {"Image": IMAGE, "ModelDataUrl": MODEL, "Environment": self.environment}
        return {
            "ModelPackageArn": request["ModelPackageName"],
            "ModelPackageVersion": int(request["ModelPackageName"].rsplit("/", 1)[-1]),
            "ModelApprovalStatus": self.approval,
            "InferenceSpecification": {"Containers": [container]},
        }

    def describe_endpoint(self, request: dict[str, Any]) -> dict[str, Any]:
        if self.endpoint is None:
            name = request["EndpointName"]
            raise ServiceError(
                "ValidationException", f'Could not find endpoint "arn:aws:sagemaker:x:1:endpoint/{name}".'
            )
        return {"EndpointName": request["EndpointName"], **self.endpoint}


@pytest.fixture
def registry(aws: LoopbackAws, parameters: dict[str, Any]) -> Registry:
    registry = Registry()
    aws.operations["SageMaker.DescribeModelPackage"] = registry.describe_package
    aws.operations["SageMaker.DescribeEndpoint"] = registry.describe_endpoint
    return registry


@pytest.fixture
def event(load_event: Any) -> dict[str, Any]:
    return {"workload": "digits", "event": load_event("model_package_approved"), "execution": "rollout-1"}


def plan(event: dict[str, Any], context: Any) -> dict[str, Any]:
    planned = handler(event, context)
    operation = "UpdateEndpoint" if planned["exists"] else "CreateEndpoint"
    assert violations("sagemaker", "CreateModel", planned["model"]) == []
    assert violations("sagemaker", "CreateEndpointConfig", planned["endpoint_config"]) == []
    assert violations("sagemaker", operation, planned["endpoint"]) == []
    return planned


def in_service(status: str = "InService") -> dict[str, Any]:
    return {"EndpointStatus": status, "EndpointConfigName": "slipway-dev-digits-v2-00000000"}


def test_the_first_rollout_creates_the_endpoint(registry: Registry, event: Any, context: Any) -> None:
    planned = plan(event, context)
    assert planned["exists"] is False
    assert planned["previous_endpoint_config_name"] is None
    name = planned["model"]["ModelName"]
    assert re.fullmatch(r"slipway-dev-digits-v3-[0-9a-f]{8}", name)
    assert planned["endpoint_config"]["EndpointConfigName"] == name
    assert planned["endpoint"]["EndpointName"] == "slipway-dev-digits"
    assert planned["endpoint"]["EndpointConfigName"] == name
    assert (planned["workload"], planned["model_version"]) == ("digits", "3")


def test_the_model_is_the_packages_own_image_and_artifact_isolated_and_told_its_version(
    registry: Registry, event: Any, context: Any
) -> None:
    registry.environment = {"FROM_PACKAGE": "1", "OMP_NUM_THREADS": "9"}
    model = plan(event, context)["model"]
    assert model["PrimaryContainer"] == {
        "Image": IMAGE,
        "ModelDataUrl": MODEL,
        "Environment": {"FROM_PACKAGE": "1", "OMP_NUM_THREADS": "1", "SLIPWAY_MODEL_VERSION": "3"},
    }
    assert model["EnableNetworkIsolation"] is True
    assert model["ExecutionRoleArn"] == "arn:aws:iam::123456789012:role/slipway-dev-digits-serving"


def test_one_variant_serves_the_model(registry: Registry, event: Any, context: Any) -> None:
    planned = plan(event, context)
    assert planned["endpoint_config"]["ProductionVariants"] == [
        {
            "VariantName": "primary",
            "ModelName": planned["model"]["ModelName"],
            "InstanceType": "ml.m5.large",
            "InitialInstanceCount": 1,
            "InitialVariantWeight": 1.0,
        }
    ]


def test_the_endpoints_volume_is_encrypted_but_for_instances_that_do_it_themselves(
    registry: Registry, parameters: dict[str, Any], event: Any, context: Any
) -> None:
    descriptor = parameters["/slipway/dev/workloads/digits"]
    assert plan(event, context)["endpoint_config"]["KmsKeyId"] == descriptor["kms_key_arn"]
    descriptor["serving"]["instance_type"] = "ml.g4dn.xlarge"
    assert "KmsKeyId" not in plan(event, context)["endpoint_config"]


def test_a_later_rollout_updates_the_endpoint_and_rolls_back_on_the_alarms(
    registry: Registry, event: Any, context: Any
) -> None:
    registry.endpoint = in_service()
    planned = plan(event, context)
    assert planned["exists"] is True
    assert planned["previous_endpoint_config_name"] == "slipway-dev-digits-v2-00000000"
    deployment = planned["endpoint"]["DeploymentConfig"]
    assert deployment["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"]["Type"] == "ALL_AT_ONCE"
    assert deployment["AutoRollbackConfiguration"] == {"Alarms": [{"AlarmName": "slipway-dev-digits-5xx"}]}


def test_without_alarms_there_is_no_empty_list_of_them(
    registry: Registry, parameters: dict[str, Any], event: Any, context: Any
) -> None:
    registry.endpoint = in_service()
    parameters["/slipway/dev/workloads/digits"]["rollout"]["alarms"] = []
    assert "AutoRollbackConfiguration" not in plan(event, context)["endpoint"]["DeploymentConfig"]


def test_each_execution_makes_names_of_its_own(registry: Registry, event: Any, context: Any) -> None:
    one, other = plan(event, context), plan({**event, "execution": "rollout-2"}, context)
    assert one["model"]["ModelName"] != other["model"]["ModelName"]
    assert one == plan(event, context)


@pytest.mark.parametrize("approval", ["Rejected", "PendingManualApproval"])
def test_a_package_that_lost_its_approval_is_not_rolled_out(
    registry: Registry, event: Any, context: Any, approval: str
) -> None:
    registry.approval = approval
    with pytest.raises(PackageNotApproved, match=f"slipway-dev-digits/3 is {approval}, not Approved"):
        handler(event, context)


@pytest.mark.parametrize("status", ["Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting"])
def test_an_endpoint_in_a_passing_state_is_busy(registry: Registry, event: Any, context: Any, status: str) -> None:
    registry.endpoint = in_service(status)
    with pytest.raises(EndpointBusy, match=f"slipway-dev-digits is {status}"):
        handler(event, context)


@pytest.mark.parametrize("status", ["Failed", "OutOfService", "UpdateRollbackFailed"])
def test_an_endpoint_in_a_lasting_state_needs_a_person(
    registry: Registry, event: Any, context: Any, status: str
) -> None:
    registry.endpoint = {**in_service(status), "FailureReason": "no capacity"}
    with pytest.raises(EndpointNotUpdatable, match=rf"is {status} \(no capacity\).*delete-endpoint"):
        handler(event, context)


def test_an_error_other_than_a_missing_endpoint_is_not_taken_for_one(
    aws: LoopbackAws, registry: Registry, event: Any, context: Any
) -> None:
    def deny(request: dict[str, Any]) -> dict[str, Any]:
        raise ServiceError("AccessDeniedException", "not authorized to perform: sagemaker:DescribeEndpoint")

    aws.operations["SageMaker.DescribeEndpoint"] = deny
    with pytest.raises(Exception, match="sagemaker:DescribeEndpoint"):
        handler(event, context)


def test_a_package_of_another_group_is_refused(registry: Registry, event: Any, context: Any) -> None:
    event["event"]["detail"]["ModelPackageGroupName"] = "slipway-dev-letters"
    with pytest.raises(InvalidInput, match="'slipway-dev-letters', expected 'slipway-dev-digits'"):
        handler(event, context)


def test_an_unknown_workload_is_refused(registry: Registry, event: Any, context: Any) -> None:
    with pytest.raises(UnknownWorkload):
        handler({**event, "workload": "letters"}, context)


@pytest.mark.parametrize("field", ["workload", "event", "execution"])
def test_a_missing_field_is_named(registry: Registry, event: Any, context: Any, field: str) -> None:
    del event[field]
    with pytest.raises(InvalidInput, match=rf"input\.{field} is missing"):
        handler(event, context)
