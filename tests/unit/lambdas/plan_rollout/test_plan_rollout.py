import re
from datetime import UTC, datetime
from typing import Any

import pytest
from plan_rollout import serving as endpoint
from plan_rollout.handler import handler
from plan_rollout.logic import NothingServes, NothingToPromote
from plan_rollout.packages import NothingToGoBackTo, PackageNotApproved
from plan_rollout.serving import EndpointBusy, EndpointNotUpdatable
from shared.clients import client
from shared.descriptor import Monitoring
from shared.errors import InvalidInput, UnknownWorkload

from tests.support.loopback_aws import LoopbackAws, ServiceError
from tests.support.rollout_registry import GROUP, IMAGE, MODEL, OLD, Registry, model, plan, production, weights


def test_the_first_rollout_creates_the_endpoint(registry: Registry, event: Any, context: Any) -> None:
    planned = plan(event, context)
    assert (planned["exists"], planned["previous_endpoint_config_name"], planned["alarms"]) == (False, None, [])
    name = planned["model"]["ModelName"]
    assert re.fullmatch(r"slipway-dev-digits-v3-[0-9a-f]{8}", name)
    (step,) = planned["steps"]
    assert (step["action"], step["config"], step["ask"]) == ("create", name, "primary")
    assert production(step) == {"primary": (name, 1.0, 1)}
    assert step["request"]["EndpointName"] == planned["endpoint_name"] == "slipway-dev-digits"
    assert planned["created_configs"] == [name]
    assert (planned["workload"], planned["model_version"]) == ("digits", "3")


def test_the_model_is_the_packages_own_image_and_artifact_isolated_and_told_its_version(
    registry: Registry, event: Any, context: Any
) -> None:
    registry.environment = {"FROM_PACKAGE": "1", "OMP_NUM_THREADS": "9"}
    model = plan(event, context)["model"]
    assert model["PrimaryContainer"] == {
        "Image": IMAGE,
        "ModelDataUrl": MODEL,
        "Environment": {
            "FROM_PACKAGE": "1",
            "OMP_NUM_THREADS": "1",
            "SLIPWAY_MODEL_VERSION": "3",
            "SLIPWAY_ENDPOINT_NAME": "slipway-dev-digits",
        },
    }
    assert model["EnableNetworkIsolation"] is True
    assert model["ExecutionRoleArn"] == "arn:aws:iam::123456789012:role/slipway-dev-digits-serving"


def test_the_model_server_is_told_which_files_were_evaluated(registry: Registry, event: Any, context: Any) -> None:
    registry.metadata = {"model-sha256": "ab" * 32}
    environment = plan(event, context)["model"]["PrimaryContainer"]["Environment"]
    assert environment["SLIPWAY_MODEL_SHA256"] == "ab" * 32


def test_the_endpoints_volume_is_encrypted_but_for_instances_that_do_it_themselves(
    registry: Registry, parameters: dict[str, Any], event: Any, context: Any
) -> None:
    descriptor = parameters["/slipway/dev/workloads/digits"]
    assert plan(event, context)["steps"][0]["endpoint_config"]["KmsKeyId"] == descriptor["kms_key_arn"]
    descriptor["serving"]["instance_type"] = "ml.g4dn.xlarge"
    assert "KmsKeyId" not in plan(event, context)["steps"][0]["endpoint_config"]


@pytest.mark.parametrize(
    ("settings", "policy"),
    [
        (
            {"strategy": "all_at_once", "bake_seconds": 60},
            {"BlueGreenUpdatePolicy": {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 60}},
        ),
        (
            {"strategy": "canary", "size_percent": 20, "bake_seconds": 300},
            {
                "BlueGreenUpdatePolicy": {
                    "Type": "CANARY",
                    "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 20},
                    "WaitIntervalInSeconds": 300,
                }
            },
        ),
        (
            {"strategy": "linear", "step_percent": 25, "interval_seconds": 90},
            {
                "BlueGreenUpdatePolicy": {
                    "Type": "LINEAR",
                    "LinearStepSize": {"Type": "CAPACITY_PERCENT", "Value": 25},
                    "WaitIntervalInSeconds": 90,
                }
            },
        ),
        (
            {"strategy": "rolling", "batch_percent": 50, "interval_seconds": 30},
            {
                "RollingUpdatePolicy": {
                    "MaximumBatchSize": {"Type": "CAPACITY_PERCENT", "Value": 50},
                    "WaitIntervalInSeconds": 30,
                }
            },
        ),
    ],
)
def test_guardrails_move_the_traffic_in_one_step_and_watch_the_alarms(
    registry: Registry, rollout: Any, event: Any, context: Any, settings: Any, policy: Any
) -> None:
    rollout |= settings
    registry.serves(("primary", 2, 1.0))
    planned = plan(event, context)
    assert (planned["exists"], planned["previous_endpoint_config_name"]) == (True, OLD)
    assert planned["alarms"] == ["slipway-dev-digits-5xx"]
    (step,) = planned["steps"]
    deployment = dict(step["request"]["DeploymentConfig"])
    assert deployment.pop("AutoRollbackConfiguration") == {"Alarms": [{"AlarmName": "slipway-dev-digits-5xx"}]}
    (limited,) = deployment.values()
    assert limited.pop("MaximumExecutionTimeoutInSeconds") == 12_600
    if "BlueGreenUpdatePolicy" in policy:
        policy = {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": policy["BlueGreenUpdatePolicy"]}}
    assert deployment == policy
    assert step["watch_seconds"] == 0


def test_without_alarms_there_is_no_empty_list_of_them(
    registry: Registry, rollout: Any, event: Any, context: Any
) -> None:
    registry.serves(("primary", 2, 1.0))
    rollout["alarms"] = []
    assert "AutoRollbackConfiguration" not in plan(event, context)["steps"][0]["request"]["DeploymentConfig"]


def test_what_people_or_policies_scaled_stays_as_large(registry: Registry, event: Any, context: Any) -> None:
    registry.serves(("primary", 2, 1.0), scaled_to=5)
    (step,) = plan(event, context)["steps"]
    assert production(step)["primary"][2] == 5
    tags = {tag["Key"]: tag["Value"] for tag in step["endpoint_config"]["Tags"]}
    assert tags["slipway:instances"] == "1", "so that the rollout after this one knows it too"


def test_a_size_that_an_earlier_rollout_kept_is_kept_again_and_a_new_one_of_the_manifest_taken(
    registry: Registry, parameters: dict[str, Any], event: Any, context: Any
) -> None:
    registry.serves(("primary", 2, 1.0), scaled_to=5)
    registry.config["ProductionVariants"][0]["InitialInstanceCount"] = 5
    registry.config_tags = {"slipway:instances": "1"}
    (step,) = plan(event, context)["steps"]
    assert production(step)["primary"][2] == 5 and step["request"]["RetainAllVariantProperties"] is True
    registry.config_tags = {"slipway:instances": "5"}
    parameters["/slipway/dev/workloads/digits"]["serving"]["instance_count"] = 3
    (step,) = plan(event, context)["steps"]
    assert production(step)["primary"][2] == 3 and "RetainAllVariantProperties" not in step["request"]


@pytest.mark.parametrize(
    ("tags", "since"), [({"slipway:serves-since": "2026-05-01T12:30:00.250Z"}, 1_777_638_600.25), ({}, 1.0)]
)
def test_what_serves_is_measured_since_its_rollout_was_through(
    registry: Registry, aws: LoopbackAws, tags: dict[str, str], since: float
) -> None:
    """Its config is older: while fleets start and traffic moves, the variant still measures the model before."""
    registry.serves(("primary", 2, 1.0))
    registry.config_tags = tags
    found = endpoint.find(
        client("sagemaker"), client("application-autoscaling"), "slipway-dev-digits", now=datetime.now(UTC)
    )
    assert found is not None and found.since.timestamp() == since


def test_a_shadow_answers_nobody_and_takes_over_after_a_comparison(
    registry: Registry, rollout: Any, event: Any, context: Any
) -> None:
    rollout |= {"strategy": "shadow", "mirror_percent": 50, "watch_seconds": 600, "max_latency_ratio": 2.0}
    registry.serves(("primary", 2, 1.0))
    planned = plan(event, context)
    shadow, update = planned["steps"]
    new = planned["model"]["ModelName"]
    assert production(shadow) == {"primary": (model(2), 1.0, 1)}
    (copy,) = shadow["endpoint_config"]["ShadowProductionVariants"]
    assert (copy["VariantName"], copy["ModelName"], copy["InitialVariantWeight"]) == ("shadow", new, 0.5)
    assert (shadow["watch_seconds"], shadow["ask"]) == (600, None)
    assert shadow["compare"] == {"champion": "primary", "challenger": "shadow", "max_latency_ratio": 2.0}
    assert production(update) == {"primary": (new, 1.0, 1)}
    assert planned["created_configs"] == [f"{new}-shadow", new]


@pytest.fixture
def ab(rollout: dict[str, Any]) -> dict[str, Any]:
    rollout |= {"strategy": "ab", "steps": [10, 50, 100], "watch_seconds": 300, "max_latency_ratio": 1.5}
    return rollout


@pytest.mark.parametrize(
    "strategy",
    [
        {"strategy": "canary", "size_percent": 10, "bake_seconds": 60},
        {"strategy": "rolling", "batch_percent": 50, "interval_seconds": 60},
        {"strategy": "shadow", "mirror_percent": 50, "watch_seconds": 60, "max_latency_ratio": 2.0},
        {"strategy": "ab", "steps": [10, 50], "watch_seconds": 60, "max_latency_ratio": 2.0},
    ],
    ids=lambda strategy: strategy["strategy"],
)
def test_with_monitoring_every_config_captures_into_a_folder_of_its_own(
    registry: Registry, parameters: Any, rollout: Any, event: Any, context: Any, strategy: dict[str, Any]
) -> None:
    rollout |= strategy
    registry.serves(("blue" if strategy["strategy"] == "ab" else "primary", 2, 1.0))
    assert "DataCaptureConfig" not in plan(event, context)["steps"][0]["endpoint_config"]
    descriptor = parameters["/slipway/dev/workloads/digits"]
    descriptor["monitoring"] = {key: None for key in Monitoring.__required_keys__} | {"sampling_percent": 25}
    configs = [step["endpoint_config"] for step in plan(event, context)["steps"] if step["endpoint_config"]]
    assert configs
    for config in configs:
        capture = config["DataCaptureConfig"]
        folder = f"_captured/digits/{config['EndpointConfigName']}"
        assert capture["DestinationS3Uri"] == f"s3://{descriptor['artifacts']['bucket']}/{folder}"
        assert (capture["InitialSamplingPercentage"], capture["KmsKeyId"]) == (25, descriptor["kms_key_arn"])
        assert capture["CaptureOptions"] == [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}]


def test_a_split_grows_in_steps_and_ends_with_one_variant(
    registry: Registry, ab: Any, event: Any, context: Any
) -> None:
    registry.serves(("blue", 2, 1.0))
    planned = plan(event, context)
    first, second, last = planned["steps"]
    new = planned["model"]["ModelName"]
    assert production(first) == {"blue": (model(2), 90.0, 1), "green": (new, 10.0, 1)}
    assert (second["action"], weights(second["request"])) == ("weights", {"blue": 50.0, "green": 50.0})
    assert second["config"] == first["config"]
    for step in (first, second):
        assert (step["ask"], step["watch_seconds"]) == ("green", 300)
        assert weights(step["retreat"]) == {"blue": 100.0, "green": 0.0}
    assert production(last) == {"green": (new, 1.0, 1)}
    assert "DeploymentConfig" not in last["request"]


def test_a_split_that_ends_below_all_leaves_both(registry: Registry, ab: Any, event: Any, context: Any) -> None:
    ab["steps"] = [20]
    registry.serves(("green", 2, 1.0))
    (step,) = plan(event, context)["steps"]
    assert {name: weight for name, (_, weight, _) in production(step).items()} == {"green": 80.0, "blue": 20.0}


def test_after_another_strategy_the_variants_name_changes_without_guardrails(
    registry: Registry, event: Any, context: Any
) -> None:
    registry.serves(("green", 2, 1.0))
    (step,) = plan(event, context)["steps"]
    assert list(production(step)) == ["primary"]
    assert "DeploymentConfig" not in step["request"]


def test_each_execution_makes_names_of_its_own(registry: Registry, event: Any, context: Any) -> None:
    one, other = plan(event, context), plan({**event, "execution": "rollout-2"}, context)
    assert one["model"]["ModelName"] != other["model"]["ModelName"]
    assert one == plan(event, context)


@pytest.mark.parametrize("approval", ["Rejected", "PendingManualApproval"])
def test_a_package_that_lost_its_approval_is_not_rolled_out(
    registry: Registry, event: Any, context: Any, approval: str
) -> None:
    registry.approval[3] = approval
    with pytest.raises(PackageNotApproved, match=f"slipway-dev-digits/3 is {approval}, not Approved"):
        handler(event, context)


def test_of_two_approvals_that_waited_the_latest_wins(registry: Registry, event: Any, context: Any) -> None:
    registry.serves(("primary", 2, 1.0))
    registry.approved_at[2] = 301.0
    planned = plan(event, context)
    assert planned["superseded"].startswith("version 2, which serves, was approved after version 3")
    assert (planned["steps"], planned["model"]) == ([], None)


def test_approving_an_older_version_is_a_rollback(registry: Registry, event: Any, context: Any) -> None:
    registry.serves(("primary", 3, 1.0))
    registry.approved_at[1] = 400.0
    event["event"]["detail"]["ModelPackageArn"] = f"{GROUP}/1"
    planned = plan(event, context)
    assert (planned["superseded"], planned["model_version"]) == (None, "1")


def test_a_rollback_goes_to_the_version_before_at_once_whatever_the_alarms_say(
    registry: Registry, rollout: Any, event: Any, context: Any
) -> None:
    rollout |= {"strategy": "canary", "size_percent": 10, "bake_seconds": 300}
    registry.serves(("primary", 3, 1.0))
    planned = plan(event, context, command="rollback")
    assert (planned["model_version"], planned["alarms"]) == ("2", [])
    (step,) = planned["steps"]
    assert "DeploymentConfig" not in step["request"]


def test_a_rollback_passes_over_what_was_rejected_and_goes_where_it_is_told(
    registry: Registry, event: Any, context: Any
) -> None:
    registry.serves(("primary", 3, 1.0))
    assert plan(event, context, command="rollback", version="1")["model_version"] == "1"
    registry.approval[2] = "Rejected"
    assert plan(event, context, command="rollback")["model_version"] == "1"
    with pytest.raises(PackageNotApproved, match="version 2 of slipway-dev-digits is not an approved one"):
        plan(event, context, command="rollback", version="2")
    registry.approval[1] = "Rejected"
    with pytest.raises(NothingToGoBackTo):
        plan(event, context, command="rollback")


@pytest.mark.parametrize(("old", "new"), [(80.0, 20.0), (10.0, 90.0), (50.0, 50.0)])
def test_a_split_is_decided_either_way_by_command_however_far_it_is(
    registry: Registry, ab: Any, event: Any, context: Any, old: float, new: float
) -> None:
    registry.serves(("blue", 2, old), ("green", 3, new), EndpointConfigName=f"{model(3)}-split")
    for command, variant, version in (("promote", "green", 3), ("rollback", "blue", 2)):
        planned = plan(event, context, command=command)
        (step,) = planned["steps"]
        assert production(step) == {variant: (model(version), 1.0, 1)}
        assert (planned["model"], planned["model_version"]) == (None, str(version))


def test_of_a_split_with_an_older_version_that_one_is_the_newcomer(
    registry: Registry, ab: Any, event: Any, context: Any
) -> None:
    registry.serves(("blue", 3, 50.0), ("green", 1, 50.0), EndpointConfigName=f"{model(1)}-split")
    assert plan(event, context, command="promote")["model_version"] == "1"
    assert plan(event, context, command="rollback")["model_version"] == "3"


def test_traffic_is_split_by_hand_and_remembers_what_it_was(
    registry: Registry, ab: Any, event: Any, context: Any
) -> None:
    registry.serves(("blue", 2, 80.0), ("green", 3, 20.0))
    planned = plan(event, context, command="traffic", weights={"blue": 30, "green": 70})
    (step,) = planned["steps"]
    assert weights(step["request"]) == {"blue": 30.0, "green": 70.0}
    assert weights(step["retreat"]) == {"blue": 80.0, "green": 20.0}
    assert (step["config"], planned["created_configs"], planned["model_version"]) == (OLD, [], "3")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"blue": 1}, "names blue: give each of blue, green"),
        ({"blue": 1, "green": 1, "red": 1}, "give each of blue, green"),
        ({"blue": -1, "green": 1}, r"event\.weights\.blue is -1"),
        ({"blue": "9", "green": 1}, r"event\.weights\.blue is '9'"),
        ({"blue": True, "green": 1}, r"event\.weights\.blue is True"),
        ({"blue": 0, "green": 0}, "somebody has to answer"),
    ],
)
def test_weights_that_cannot_be_are_refused(
    registry: Registry, event: Any, context: Any, given: Any, message: str
) -> None:
    registry.serves(("blue", 2, 80.0), ("green", 3, 20.0))
    with pytest.raises(InvalidInput, match=message):
        plan(event, context, command="traffic", weights=given)


def test_commands_about_traffic_need_traffic(registry: Registry, event: Any, context: Any) -> None:
    for order in ({"command": "promote"}, {"command": "traffic", "weights": {"blue": 1}}):
        with pytest.raises(NothingServes):
            plan(event, context, **order)
    registry.serves(("primary", 3, 1.0))
    with pytest.raises(NothingToPromote, match="version 3 has all traffic"):
        plan(event, context, command="promote")
    with pytest.raises(InvalidInput, match=r"event\.command is 'retreat': allowed: deploy, rollback, promote, traffic"):
        plan(event, context, command="retreat")


@pytest.mark.parametrize("status", ["Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting"])
def test_an_endpoint_in_a_passing_state_is_busy(registry: Registry, event: Any, context: Any, status: str) -> None:
    registry.serves(("primary", 2, 1.0), status=status)
    with pytest.raises(EndpointBusy, match=f"slipway-dev-digits is {status}"):
        handler(event, context)


@pytest.mark.parametrize("status", ["Failed", "OutOfService"])
def test_an_endpoint_in_a_lasting_state_needs_a_person(
    registry: Registry, event: Any, context: Any, status: str
) -> None:
    registry.serves(("primary", 2, 1.0), status=status, FailureReason="no capacity")
    with pytest.raises(EndpointNotUpdatable, match=rf"is {status} \(no capacity\).*delete-endpoint"):
        handler(event, context)


def test_a_rollout_is_the_way_out_of_a_rollback_that_failed(registry: Registry, event: Any, context: Any) -> None:
    registry.serves(("primary", 2, 1.0), status="UpdateRollbackFailed")
    assert plan(event, context)["steps"][0]["action"] == "update"


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
