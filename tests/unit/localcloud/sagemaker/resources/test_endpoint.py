"""Endpoints: what each operation demands, leaves in the document, and asks of the supervisor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ..conftest import ACCOUNT, REGION, ControlPlane, error_of

ARN = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:endpoint/e"
IN_PROGRESS = ("ValidationException", f'Cannot update in-progress endpoint "{ARN}".')
MISSING = ("ValidationException", f'Could not find endpoint "{ARN}".')


SIZE = {"Type": "CAPACITY_PERCENT", "Value": 10}


def routed(routing: dict[str, Any]) -> dict[str, Any]:
    return {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing}}


def canary(value: int, kind: str = "CAPACITY_PERCENT") -> dict[str, Any]:
    return routed({"Type": "CANARY", "WaitIntervalInSeconds": 60, "CanarySize": {"Type": kind, "Value": value}})


def linear(value: int) -> dict[str, Any]:
    size = {"Type": "CAPACITY_PERCENT", "Value": value}
    return routed({"Type": "LINEAR", "WaitIntervalInSeconds": 60, "LinearStepSize": size})


def rolling(value: int) -> dict[str, Any]:
    size = {"Type": "CAPACITY_PERCENT", "Value": value}
    return {"RollingUpdatePolicy": {"MaximumBatchSize": size, "WaitIntervalInSeconds": 0}}


@pytest.fixture
def served(plane: ControlPlane, deploy: Callable[..., str]) -> str:
    """An endpoint e in service on the config v1."""
    plane.client.create_endpoint(EndpointName="e", EndpointConfigName=deploy("v1"))
    plane.bring_in_service("e")
    return "e"


def test_a_created_endpoint_is_being_created(plane: ControlPlane, deploy: Callable[..., str]) -> None:
    deploy("v1")
    assert plane.client.create_endpoint(EndpointName="e", EndpointConfigName="v1")["EndpointArn"] == ARN
    endpoint = plane.client.describe_endpoint(EndpointName="e")
    assert (endpoint["EndpointStatus"], endpoint["EndpointConfigName"]) == ("Creating", "v1")
    assert "ProductionVariants" not in endpoint
    config = plane.store.get("endpoint-config", "v1")
    assert plane.store.get("endpoint", "e")["_TargetConfig"] == config
    assert plane.endpoints.calls == [("create", "e")]


def test_an_endpoint_needs_an_existing_config_and_a_free_name(plane: ControlPlane, served: str) -> None:
    assert error_of(plane.client.create_endpoint, EndpointName="f", EndpointConfigName="absent") == (
        "ValidationException",
        f'Could not find endpoint configuration "arn:aws:sagemaker:{REGION}:{ACCOUNT}:endpoint-config/absent".',
    )
    assert error_of(plane.client.create_endpoint, EndpointName="e", EndpointConfigName="v1") == (
        "ValidationException",
        f'Cannot create already existing endpoint "{ARN}".',
    )
    assert plane.endpoints.calls == [("create", "e")]


def test_a_missing_endpoint_is_not_found(plane: ControlPlane, deploy: Callable[..., str]) -> None:
    deploy("v1")
    weights = [{"VariantName": "primary", "DesiredWeight": 1}]
    client = plane.client
    assert error_of(client.describe_endpoint, EndpointName="e") == MISSING
    assert error_of(client.delete_endpoint, EndpointName="e") == MISSING
    assert error_of(client.update_endpoint, EndpointName="e", EndpointConfigName="v1") == MISSING
    update_weights = client.update_endpoint_weights_and_capacities
    assert error_of(update_weights, EndpointName="e", DesiredWeightsAndCapacities=weights) == MISSING


def test_an_update_keeps_the_old_config_shown_until_the_new_one_serves(
    plane: ControlPlane, deploy: Callable[..., str], served: str
) -> None:
    deploy("v2")
    deployment = canary(50) | {"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "errors"}]}}
    plane.client.update_endpoint(EndpointName="e", EndpointConfigName="v2", DeploymentConfig=deployment)
    endpoint = plane.client.describe_endpoint(EndpointName="e")
    assert (endpoint["EndpointStatus"], endpoint["EndpointConfigName"]) == ("Updating", "v1")
    assert endpoint["PendingDeploymentSummary"]["EndpointConfigName"] == "v2"
    document = plane.store.get("endpoint", "e")
    assert document["_TargetConfig"] == plane.store.get("endpoint-config", "v2")
    assert document["_DeploymentConfig"] == deployment
    assert plane.endpoints.calls == [("create", "e"), ("update", "e")]

    plane.bring_in_service("e")
    endpoint = plane.client.describe_endpoint(EndpointName="e")
    assert (endpoint["EndpointStatus"], endpoint["EndpointConfigName"]) == ("InService", "v2")
    assert endpoint["LastDeploymentConfig"] == deployment


def test_a_config_deleted_during_an_update_does_not_disturb_it(
    plane: ControlPlane, deploy: Callable[..., str], served: str
) -> None:
    deploy("v2")
    plane.client.update_endpoint(EndpointName="e", EndpointConfigName="v2")
    plane.client.delete_endpoint_config(EndpointConfigName="v2")
    target = plane.store.get("endpoint", "e")["_TargetConfig"]
    assert target["ProductionVariants"][0]["ModelName"] == "v2"


def test_the_last_deployment_config_can_be_kept(plane: ControlPlane, deploy: Callable[..., str], served: str) -> None:
    deploy("v2")
    plane.client.update_endpoint(EndpointName="e", EndpointConfigName="v2", DeploymentConfig=linear(20))
    plane.bring_in_service("e")
    plane.client.update_endpoint(EndpointName="e", EndpointConfigName="v1", RetainDeploymentConfig=True)
    assert plane.store.get("endpoint", "e")["_DeploymentConfig"] == linear(20)


def test_variant_properties_are_kept_but_for_the_excluded(
    plane: ControlPlane, deploy: Callable[..., str], served: str
) -> None:
    plane.client.update_endpoint(
        EndpointName="e",
        EndpointConfigName=deploy("v2"),
        RetainAllVariantProperties=True,
        ExcludeRetainedVariantProperties=[{"VariantPropertyType": "DataCaptureConfig"}],
    )
    retained = plane.store.get("endpoint", "e")["_RetainVariantProperties"]
    assert retained == ["DesiredInstanceCount", "DesiredWeight"]


def test_a_scaled_variant_may_change_its_model_but_neither_go_nor_change_its_instances(
    plane: ControlPlane, deploy: Callable[..., str], served: str
) -> None:
    for variant in ("primary", "elsewhere"):
        plane.store.create("scalable-target", variant, {"ResourceId": f"endpoint/e/variant/{variant}"})
    update = plane.client.update_endpoint
    assert error_of(update, EndpointName="e", EndpointConfigName=deploy("v2", variant="green")) == (
        "ValidationException",
        'The variant(s) "[primary]" must be deregistered as scalable target with AutoScaling '
        "before they can be removed or have their instance type updated.",
    )
    update(EndpointName="e", EndpointConfigName=deploy("v3"))
    plane.bring_in_service("e")
    plane.store.update("endpoint", "e", _on_other_instances)
    code, message = error_of(update, EndpointName="e", EndpointConfigName="v3")
    assert code == "ValidationException" and "[primary]" in message
    plane.store.delete("scalable-target", "primary")
    update(EndpointName="e", EndpointConfigName="v2")


def _on_other_instances(endpoint: dict[str, Any]) -> None:
    endpoint["_ServingConfig"]["ProductionVariants"][0]["InstanceType"] = "ml.c5.large"


@pytest.mark.parametrize("status", ["Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting"])
def test_an_endpoint_in_progress_can_neither_be_changed_nor_deleted(
    plane: ControlPlane, served: str, status: str
) -> None:
    plane.store.update("endpoint", "e", lambda endpoint: endpoint.update(EndpointStatus=status))
    before = list(plane.endpoints.calls)
    weights = [{"VariantName": "primary", "DesiredWeight": 1}]
    client = plane.client
    assert error_of(client.update_endpoint, EndpointName="e", EndpointConfigName="v1") == IN_PROGRESS
    assert error_of(client.delete_endpoint, EndpointName="e") == IN_PROGRESS
    update_weights = client.update_endpoint_weights_and_capacities
    assert error_of(update_weights, EndpointName="e", DesiredWeightsAndCapacities=weights) == IN_PROGRESS
    assert plane.endpoints.calls == before


@pytest.mark.parametrize("status", ["Failed", "OutOfService"])
def test_a_failed_endpoint_can_only_be_deleted(plane: ControlPlane, served: str, status: str) -> None:
    plane.store.update("endpoint", "e", lambda endpoint: endpoint.update(EndpointStatus=status))
    code, message = error_of(plane.client.update_endpoint, EndpointName="e", EndpointConfigName="v1")
    assert (code, message) == (
        "ValidationException",
        f'Endpoint "{ARN}" is in status {status}: the only operation on it is DeleteEndpoint',
    )
    plane.client.delete_endpoint(EndpointName="e")
    assert plane.endpoints.calls[-1] == ("delete", "e")


def test_an_endpoint_whose_rollback_failed_can_be_updated_or_deleted_but_not_rescaled(
    plane: ControlPlane, deploy: Callable[..., str], served: str
) -> None:
    def fail() -> None:
        plane.store.update("endpoint", "e", lambda endpoint: endpoint.update(EndpointStatus="UpdateRollbackFailed"))

    fail()
    weights = [{"VariantName": "primary", "DesiredWeight": 1}]
    update_weights = plane.client.update_endpoint_weights_and_capacities
    code, message = error_of(update_weights, EndpointName="e", DesiredWeightsAndCapacities=weights)
    assert (code, "is in status UpdateRollbackFailed" in message) == ("ValidationException", True)
    plane.client.update_endpoint(EndpointName="e", EndpointConfigName=deploy("v2"))
    assert plane.endpoints.calls[-1] == ("update", "e")
    fail()
    plane.client.delete_endpoint(EndpointName="e")
    assert plane.endpoints.calls[-1] == ("delete", "e")


def test_a_deleted_endpoint_is_there_until_its_processes_have_ended(plane: ControlPlane, served: str) -> None:
    plane.client.delete_endpoint(EndpointName="e")
    assert plane.client.describe_endpoint(EndpointName="e")["EndpointStatus"] == "Deleting"
    plane.store.delete("endpoint", "e")  # the supervisor, when they have
    plane.client.get_waiter("endpoint_deleted").wait(EndpointName="e", WaiterConfig={"MaxAttempts": 1})


def test_weights_are_handed_to_the_supervisor(plane: ControlPlane, served: str) -> None:
    weights = [{"VariantName": "primary", "DesiredWeight": 0.5, "DesiredInstanceCount": 2}]
    plane.client.update_endpoint_weights_and_capacities(EndpointName="e", DesiredWeightsAndCapacities=weights)
    assert plane.client.describe_endpoint(EndpointName="e")["EndpointStatus"] == "Updating"
    assert plane.store.get("endpoint", "e")["_DesiredWeightsAndCapacities"] == weights
    assert plane.endpoints.calls[-1] == ("update_weights", "e")


def test_weights_of_an_unknown_variant_are_refused(plane: ControlPlane, served: str) -> None:
    weights = [{"VariantName": "other", "DesiredWeight": 1}]
    code, message = error_of(
        plane.client.update_endpoint_weights_and_capacities, EndpointName="e", DesiredWeightsAndCapacities=weights
    )
    assert (code, '"other"' in message) == ("ValidationException", True)
    assert plane.client.describe_endpoint(EndpointName="e")["EndpointStatus"] == "InService"


def test_weights_that_leave_nobody_with_traffic_are_refused(plane: ControlPlane, served: str) -> None:
    weights = [{"VariantName": "primary", "DesiredWeight": 0}]
    update_weights = plane.client.update_endpoint_weights_and_capacities
    code, message = error_of(update_weights, EndpointName="e", DesiredWeightsAndCapacities=weights)
    assert (code, message.endswith("found 0.0 for primary")) == ("ValidationException", True)
    assert plane.client.describe_endpoint(EndpointName="e")["EndpointStatus"] == "InService"


class TestDeployment:
    @pytest.fixture(autouse=True)
    def four_instances(self, plane: ControlPlane, deploy: Callable[..., str]) -> None:
        plane.client.create_endpoint(EndpointName="e", EndpointConfigName=deploy("v1", instances=4))
        plane.bring_in_service("e")
        deploy("v2", instances=4)

    def update(self, plane: ControlPlane, deployment: dict[str, Any], config: str = "v2") -> None:
        plane.client.update_endpoint(EndpointName="e", EndpointConfigName=config, DeploymentConfig=deployment)

    @pytest.mark.parametrize(
        "deployment",
        [canary(1), canary(50), canary(2, "INSTANCE_COUNT"), linear(10), linear(50), rolling(5), rolling(50)],
    )
    def test_a_deployment_within_the_documented_limits_starts(
        self, plane: ControlPlane, deployment: dict[str, Any]
    ) -> None:
        self.update(plane, deployment)
        assert plane.client.describe_endpoint(EndpointName="e")["EndpointStatus"] == "Updating"

    @pytest.mark.parametrize(
        ("deployment", "message"),
        [
            (canary(51), "Invalid CanarySize 51 (CAPACITY_PERCENT): it must be between 0 and 50 percent"),
            (canary(3, "INSTANCE_COUNT"), "Invalid CanarySize 3 (INSTANCE_COUNT)"),
            (canary(0), "Member must have value greater than or equal to 1"),
            (linear(9), "Invalid LinearStepSize 9 (CAPACITY_PERCENT): it must be between 10 and 50 percent"),
            (linear(51), "Invalid LinearStepSize 51"),
            (rolling(4), "Invalid MaximumBatchSize 4"),
            (rolling(51), "Invalid MaximumBatchSize 51"),
            (canary(10) | rolling(10), "Only one of BlueGreenUpdatePolicy and RollingUpdatePolicy may be specified"),
            (
                {
                    "BlueGreenUpdatePolicy": {
                        "TrafficRoutingConfiguration": {"Type": "CANARY", "WaitIntervalInSeconds": 0}
                    }
                },
                "CanarySize must be specified when the traffic routing type is CANARY",
            ),
            (
                routed({"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0, "LinearStepSize": SIZE}),
                "LinearStepSize may not be specified when the traffic routing type is ALL_AT_ONCE",
            ),
            (
                routed({"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 3601}),
                "Member must have value less than or equal to 3600",
            ),
            (
                {
                    "RollingUpdatePolicy": {
                        "MaximumBatchSize": SIZE,
                        "WaitIntervalInSeconds": 600,
                        "MaximumExecutionTimeoutInSeconds": 600,
                    }
                },
                "Invalid MaximumExecutionTimeoutInSeconds 600: it must be larger than the waiting time, 600 seconds",
            ),
            (
                {"AutoRollbackConfiguration": {"Alarms": []}},
                "Member must have length greater than or equal to 1",
            ),
            (
                {"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": f"a{number}"} for number in range(11)]}},
                "Member must have length less than or equal to 10",
            ),
            (
                {"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "a"}, {"AlarmName": "a"}]}},
                "Duplicate alarm name 'a'",
            ),
        ],
    )
    def test_a_deployment_beyond_the_documented_limits_is_refused(
        self, plane: ControlPlane, deployment: dict[str, Any], message: str
    ) -> None:
        arguments = {"EndpointName": "e", "EndpointConfigName": "v2", "DeploymentConfig": deployment}
        code, text = error_of(plane.client.update_endpoint, **arguments)
        assert (code, message in text) == ("ValidationException", True), text
        assert plane.client.describe_endpoint(EndpointName="e")["EndpointStatus"] == "InService"

    def test_a_rolling_update_takes_one_variant(self, plane: ControlPlane, deploy: Callable[..., str]) -> None:
        variants = [
            {"VariantName": name, "ModelName": "v1", "InstanceType": "ml.m5.large", "InitialInstanceCount": 4}
            for name in ("primary", "second")
        ]
        plane.client.create_endpoint_config(EndpointConfigName="two", ProductionVariants=variants)
        arguments = {"EndpointName": "e", "EndpointConfigName": "two", "DeploymentConfig": rolling(50)}
        code, text = error_of(plane.client.update_endpoint, **arguments)
        assert (code, "exactly one production variant" in text) == ("ValidationException", True)
        assert "primary, second" in text

    def test_the_variants_of_both_configs_have_the_same_names(
        self, plane: ControlPlane, deploy: Callable[..., str]
    ) -> None:
        deploy("v3", variant="other", instances=4)
        arguments = {"EndpointName": "e", "EndpointConfigName": "v3", "DeploymentConfig": canary(10)}
        code, text = error_of(plane.client.update_endpoint, **arguments)
        assert (code, text.endswith("found ['primary'] and ['other']")) == ("ValidationException", True)
        plane.client.update_endpoint(EndpointName="e", EndpointConfigName="v3")  # without guardrails they may differ
