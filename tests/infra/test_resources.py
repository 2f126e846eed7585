"""Properties that matter, of what is deployed."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

PREFIX = "slipway-dev-mnist-lightning"


def named(resources: dict[str, dict[str, Any]], key: str) -> dict[str, dict[str, Any]]:
    """The same resources by the value of their property `key`, tokens shortened to their names."""
    return {json.dumps(properties[key]): properties for properties in resources.values() if key in properties}


def only(resources: dict[str, dict[str, Any]]) -> dict[str, Any]:
    assert len(resources) == 1, list(resources)
    return next(iter(resources.values()))


@pytest.fixture
def assembly(assembly: Any) -> Any:
    """What one workload brings is the same for each."""
    return assembly.without_other_workloads("mnist-lightning")


@pytest.fixture
def buckets(assembly: Any) -> dict[str, dict[str, Any]]:
    """data, artifacts, logs -> properties."""
    found = named(assembly.resources("AWS::S3::Bucket"), "BucketName")
    return {kind: next(p for name, p in found.items() if f"-{kind}-" in name) for kind in ("data", "artifacts", "logs")}


def test_buckets_are_private_versioned_and_clean_up_after_themselves(buckets: dict[str, dict[str, Any]]) -> None:
    for kind, properties in buckets.items():
        assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}, kind
        assert properties["VersioningConfiguration"] == {"Status": "Enabled"}, kind
        rule = properties["LifecycleConfiguration"]["Rules"][0]
        assert rule["Status"] == "Enabled" and "NoncurrentVersionExpiration" in rule, kind
        assert "AbortIncompleteMultipartUpload" in rule, kind


@pytest.mark.parametrize("kind", ["data", "artifacts"])
def test_data_and_artifacts_are_under_our_key_and_their_accesses_logged(buckets: Any, kind: str) -> None:
    rule = buckets[kind]["BucketEncryption"]["ServerSideEncryptionConfiguration"][0]
    assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"
    assert rule["ServerSideEncryptionByDefault"]["KMSMasterKeyID"]["Fn::GetAtt"][1] == "Arn"
    assert buckets[kind]["LoggingConfiguration"]["LogFilePrefix"] == f"{kind}/"


def test_access_logs_land_where_s3_can_deliver_them(buckets: Any) -> None:
    """S3 delivers them to buckets with SSE-S3 only."""
    rule = buckets["logs"]["BucketEncryption"]["ServerSideEncryptionConfiguration"][0]
    assert rule["ServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}


def test_the_data_bucket_alone_tells_eventbridge(buckets: Any) -> None:
    assert buckets["data"]["NotificationConfiguration"] == {"EventBridgeConfiguration": {"EventBridgeEnabled": True}}
    assert "NotificationConfiguration" not in buckets["artifacts"]


def test_the_key_turns_every_year(assembly: Any) -> None:
    assert only(assembly.resources("AWS::KMS::Key"))["EnableKeyRotation"] is True


def test_every_queue_and_topic_and_log_group_is_encrypted_with_our_key(assembly: Any) -> None:
    for kind, key in (
        ("SQS::Queue", "KmsMasterKeyId"),
        ("SNS::Topic", "KmsMasterKeyId"),
        ("Logs::LogGroup", "KmsKeyId"),
    ):
        resources = assembly.resources(f"AWS::{kind}")
        assert resources
        for name, properties in resources.items():
            assert "DataKey" in json.dumps(properties[key]), name


def test_logs_are_kept_for_a_month(assembly: Any) -> None:
    for name, properties in assembly.resources("AWS::Logs::LogGroup").items():
        assert properties["RetentionInDays"] == 30, name


def test_every_function_logs_to_a_group_of_its_own(assembly: Any) -> None:
    groups = assembly.resources("AWS::Logs::LogGroup")
    names = {properties["LogGroupName"] for properties in groups.values()}
    for name, properties in assembly.resources("AWS::Lambda::Function").items():
        assert f"/aws/lambda/{properties['FunctionName']}" in names, name


def test_objects_of_the_workload_go_to_its_queue_and_undeliverable_ones_to_the_other(assembly: Any) -> None:
    rules = [p for p in assembly.resources("AWS::Events::Rule").values() if p["EventPattern"]["source"] == ["aws.s3"]]
    assert len(rules) == 1
    pattern, target = rules[0]["EventPattern"], rules[0]["Targets"][0]
    assert pattern["detail-type"] == ["Object Created"]
    assert pattern["detail"]["object"] == {"key": [{"prefix": "mnist_lightning/"}]}
    assert "slipway-dev-data-" in json.dumps(pattern["detail"]["bucket"])
    assert "DeadLetters" in target["DeadLetterConfig"]["Arn"]["Fn::GetAtt"][0]


def test_a_runs_end_and_callers_of_the_api_reach_the_same_queue(assembly: Any) -> None:
    rules = assembly.resources("AWS::Events::Rule")
    patterned = [p for name, p in rules.items() if "EventPattern" in p and "Failures" not in name]
    by_source = {p["EventPattern"]["source"][0]: p for p in patterned}
    assert {p["EventPattern"]["detail-type"][0] for p in patterned if p["EventPattern"]["source"] == ["slipway"]} == {
        "Training Requested",
        "Redrive Requested",
    }
    queues = {json.dumps(by_source[source]["Targets"][0]["Arn"]) for source in ("aws.s3", "aws.states", "slipway")}
    assert len(queues) == 1
    assert by_source["slipway"]["EventPattern"]["detail"] == {"workload": ["mnist_lightning"]}
    ended = by_source["aws.states"]
    assert ended["EventPattern"]["detail"]["status"] == ["SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"]
    assert "Training" in json.dumps(ended["EventPattern"]["detail"]["stateMachineArn"])
    assert "input" not in json.dumps(ended["Targets"][0]["InputTransformer"]["InputPathsMap"])
    assert all("DeadLetterConfig" in p["Targets"][0] for p in by_source.values())


def test_people_are_told_of_every_run_that_does_not_succeed(assembly: Any) -> None:
    (told,) = (p for name, p in assembly.resources("AWS::Events::Rule").items() if "Failures" in name)
    assert told["EventPattern"]["detail"]["status"] == ["FAILED", "TIMED_OUT", "ABORTED"]
    assert "Training" in json.dumps(told["EventPattern"]["detail"]["stateMachineArn"])
    (target,) = told["Targets"]
    assert "alerts" in json.dumps(target["Arn"]).lower() and "DeadLetterConfig" in target
    assert target["InputPath"] == "$.detail"


def test_templates_of_events_take_only_what_is_always_there_and_needs_no_escaping(two_workloads_assembly: Any) -> None:
    """EventBridge escapes no value that it puts into a template, and leaves out the variables that an event lacks."""
    targets = (t for p in two_workloads_assembly.resources("AWS::Events::Rule").values() for t in p["Targets"])
    templates = [target["InputTransformer"] for target in targets if "InputTransformer" in target]
    paths = {path for template in templates for path in template["InputPathsMap"].values()}
    assert paths == {"$.detail.name", "$.detail.stopDate"}


def test_a_schedule_reaches_the_queue_and_objects_do_not_where_the_manifest_says_so(
    two_workloads_assembly: Any,
) -> None:
    own = {k: p for k, p in two_workloads_assembly.resources("AWS::Events::Rule").items() if "constant-answer/" in k}
    (scheduled,) = (p for p in own.values() if p.get("ScheduleExpression") == "cron(0 3 * * ? *)")
    assert "DeadLetterConfig" in scheduled["Targets"][0]
    sources = {p["EventPattern"]["source"][0] for p in own.values() if "EventPattern" in p}
    assert sources == {"aws.states", "aws.sagemaker", "aws.cloudwatch", "aws.cloudformation", "slipway"}


def test_a_deployment_of_the_own_stack_reaches_the_queue_where_the_manifest_says_so(
    assembly: Any, two_workloads_assembly: Any
) -> None:
    def of_deployments(resources: dict[str, Any]) -> list[str]:
        return [k for k, p in resources.items() if p.get("EventPattern", {}).get("source") == ["aws.cloudformation"]]

    rules = two_workloads_assembly.resources("AWS::Events::Rule")
    (name,) = of_deployments(rules)
    assert name.startswith("slipway-dev-constant-answer/")
    assert rules[name]["EventPattern"]["detail"] == {
        "stack-id": [{"Ref": "AWS::StackId"}],
        "status-details": {"status": ["CREATE_COMPLETE", "UPDATE_COMPLETE"]},
    }
    (scheduled,) = (p for p in rules.values() if p.get("ScheduleExpression") == "cron(0 3 * * ? *)")
    assert rules[name]["Targets"][0]["Arn"] == scheduled["Targets"][0]["Arn"]
    assert of_deployments(assembly.resources("AWS::Events::Rule")) == []


def test_the_alarm_of_drift_reaches_the_queue_where_the_manifest_says_so(
    assembly: Any, two_workloads_assembly: Any
) -> None:
    rules = two_workloads_assembly.resources("AWS::Events::Rule")
    (name,) = (k for k, p in rules.items() if p.get("EventPattern", {}).get("source") == ["aws.cloudwatch"])
    assert name.startswith("slipway-dev-constant-answer/")
    assert rules[name]["EventPattern"]["detail"] == {
        "alarmName": ["slipway-dev-constant-answer-drift"],
        "state": {"value": ["ALARM"]},
    }
    (scheduled,) = (p for p in rules.values() if p.get("ScheduleExpression") == "cron(0 3 * * ? *)")
    assert rules[name]["Targets"][0]["Arn"] == scheduled["Targets"][0]["Arn"]


def test_the_record_of_requests_is_encrypted_and_can_be_put_back(assembly: Any) -> None:
    table = only(assembly.resources("AWS::DynamoDB::Table"))
    assert table["TableName"] == f"{PREFIX}-training-requests"
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["SSESpecification"]["SSEType"] == "KMS" and "DataKey" in json.dumps(table["SSESpecification"])
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table["TimeToLiveSpecification"] == {"AttributeName": "expires", "Enabled": True}


def test_approved_packages_of_the_workloads_group_start_the_rollout(assembly: Any) -> None:
    rules = assembly.resources("AWS::Events::Rule").values()
    rule = next(p for p in rules if p["EventPattern"]["source"] == ["aws.sagemaker"])
    assert rule["EventPattern"] == {
        "source": ["aws.sagemaker"],
        "detail-type": ["SageMaker Model Package State Change"],
        "detail": {"ModelPackageGroupName": [PREFIX], "ModelApprovalStatus": ["Approved"]},
    }
    assert "DeadLetterConfig" in rule["Targets"][0]


def test_a_message_is_hidden_for_six_times_the_functions_timeout_and_tried_five_times(assembly: Any) -> None:
    queue = named(assembly.resources("AWS::SQS::Queue"), "QueueName")[f'"{PREFIX}-objects"']
    function = named(assembly.resources("AWS::Lambda::Function"), "FunctionName")[f'"{PREFIX}-request-training"']
    assert queue["VisibilityTimeout"] >= 6 * function["Timeout"]
    assert queue["RedrivePolicy"]["maxReceiveCount"] == 5


def test_one_bad_message_does_not_bring_its_batch_back(assembly: Any) -> None:
    mapping = only(assembly.resources("AWS::Lambda::EventSourceMapping"))
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


def test_every_alarm_tells_the_alerts_topic(assembly: Any) -> None:
    alarms = named(assembly.resources("AWS::CloudWatch::Alarm"), "AlarmName")
    watched = {"objects-dead-letters", "approvals-dead-letters", "train-failed", "rollout-failed", "endpoint-5xx"}
    assert alarms.keys() == {f'"{PREFIX}-{name}"' for name in watched}
    for name, properties in alarms.items():
        assert len(properties["AlarmActions"]) == 1, name
        assert properties["TreatMissingData"] == "notBreaching", name


def test_the_endpoint_alarm_is_the_one_that_the_descriptor_names(assembly: Any) -> None:
    alarms = named(assembly.resources("AWS::CloudWatch::Alarm"), "AlarmName")
    dimensions = {d["Name"]: d["Value"] for d in alarms[f'"{PREFIX}-endpoint-5xx"']["Dimensions"]}
    assert dimensions == {"EndpointName": PREFIX, "VariantName": "primary"}
    assert descriptor(assembly)["rollout"]["alarms"] == [f"{PREFIX}-endpoint-5xx"]


def test_captured_requests_are_deleted_and_nothing_else(assembly: Any) -> None:
    for properties in assembly.resources("AWS::S3::Bucket").values():
        rules = {rule["Id"]: rule for rule in properties["LifecycleConfiguration"]["Rules"]}
        expiring = {rule["Prefix"] for rule in rules.values() if "ExpirationInDays" in rule and "Prefix" in rule}
        assert expiring == ({"_captured/"} if "expire-captured-requests" in rules else set())
        whole = [rule["Id"] for rule in rules.values() if "ExpirationInDays" in rule and "Prefix" not in rule]
        assert whole in ([], ["expire-access-logs"])


def test_image_tags_are_written_once_and_scanned(assembly: Any) -> None:
    repository = only(assembly.resources("AWS::ECR::Repository"))
    assert repository["ImageTagMutability"] == "IMMUTABLE"
    assert repository["ImageScanningConfiguration"] == {"ScanOnPush": True}
    assert repository["EncryptionConfiguration"]["EncryptionType"] == "KMS"


def test_the_image_is_tagged_with_the_hash_of_its_sources(assembly: Any) -> None:
    build = only(assembly.resources("Custom::ContainerImage"))
    assert build["SourceKey"] == f"{build['ImageTag']}.zip"
    context = assembly.folder / f"asset.{build['ImageTag']}"
    found = {folder.name: {path.name for path in folder.iterdir()} for folder in context.iterdir()}
    assert found == {"inference_code": {"server", "mnist_lightning"}, "training_code": {"mnist_lightning"}}
    assert build["Dockerfile"] == "inference_code/server/Dockerfile"
    assert build["BuildArgs"] == {"WORKLOAD": "mnist_lightning"}


def test_what_training_and_serving_share_is_the_same_in_both(assembly: Any) -> None:
    build = only(assembly.resources("Custom::ContainerImage"))
    code = descriptor(assembly)["training"]["code_uri"].rsplit("/", 1)[1].removesuffix(".zip")
    served = assembly.folder / f"asset.{build['ImageTag']}/training_code/mnist_lightning"
    trained = assembly.folder / f"asset.{code}"
    assert [path.name for path in served.iterdir()] == ["shared"], "another training is no other image"
    assert {path.name for path in (served / "shared").iterdir()} == {"__init__.py", "idx.py"}
    for path in (served / "shared").iterdir():
        assert path.read_bytes() == (trained / "shared" / path.name).read_bytes()


def test_a_changed_manifest_is_not_changed_training_code(assembly: Any) -> None:
    code = descriptor(assembly)["training"]["code_uri"].rsplit("/", 1)[1].removesuffix(".zip")
    names = {path.name for path in (assembly.folder / f"asset.{code}").iterdir()}
    assert "train.py" in names
    assert "workload.yaml" not in names


def test_every_method_of_the_api_asks_for_a_key_that_is_throttled(assembly: Any) -> None:
    methods = {
        (properties["HttpMethod"], properties["ApiKeyRequired"])
        for properties in assembly.resources("AWS::ApiGateway::Method").values()
    }
    assert methods == {("GET", True), ("POST", True)}
    plan = only(assembly.resources("AWS::ApiGateway::UsagePlan"))
    assert plan["Throttle"]["RateLimit"] > 0 and plan["Quota"]["Limit"] > 0


def test_the_gateways_own_answers_have_the_shape_of_the_functions(assembly: Any) -> None:
    for name, properties in assembly.resources("AWS::ApiGateway::GatewayResponse").items():
        body = json.loads(properties["ResponseTemplates"]["application/json"])
        assert body["error"].keys() == {"code", "message"}, name


def test_bodies_of_every_media_type_pass_the_api_byte_by_byte(assembly: Any) -> None:
    assert only(assembly.resources("AWS::ApiGateway::RestApi"))["BinaryMediaTypes"] == ["*/*"]


def test_the_api_logs_accesses_and_no_bodies(assembly: Any) -> None:
    stage = only(assembly.resources("AWS::ApiGateway::Stage"))
    assert "AccessLogSetting" in stage
    assert stage["MethodSettings"][0]["DataTraceEnabled"] is False


DESCRIPTOR_KEYS = {
    "": {"name", "description", "train_state_machine_arn", "rollout_state_machine_arn", "endpoint_name"}
    | {"model_package_group", "job_prefix", "kms_key_arn", "data", "artifacts", "processing", "training", "tuning"}
    | {"checks", "evaluation", "gate", "approval", "serving", "batch", "rollout"}
    | {"monitoring", "triggers"},
    "data": {"bucket", "prefix", "channels"},
    "artifacts": {"bucket", "prefix"},
    "training": {"image_uri", "role_arn", "entrypoint_uri", "code_uri", "script", "instance_type", "instance_count"}
    | {"volume_gb", "max_runtime_seconds", "spot_max_wait_seconds", "hyperparameters", "metrics", "environment"}
    | {"channels"},
    "checks": {"image_uri", "role_arn", "checker_uri", "rules_uri", "channels", "instance_type", "volume_gb"}
    | {"max_runtime_seconds"},
    "evaluation": {"image_uri", "role_arn", "instance_type", "volume_gb", "max_runtime_seconds", "channel"}
    | {"evaluator_uri", "label_column"},
    "gate": {"metric", "goal", "minimum", "max_regression", "slices", "max_model_mb"},
    "serving": {"image_uri", "role_arn", "instance_type", "instance_count", "autoscaling", "serverless", "variant"}
    | {"environment", "sample_request"},
    "batch": {"bucket", "prefix", "role_arn"},
    "rollout": {"strategy", "bake_seconds", "versions_kept", "latency", "alarms"},
    "triggers": {"objects", "schedule", "api", "on_deploy", "debounce_seconds", "cooldown_seconds"},
}


def descriptor(assembly: Any, workload: str = "mnist_lightning") -> dict[str, Any]:
    """The workload's document; in the place of a token stands what it refers to."""
    parameters = named(assembly.resources("AWS::SSM::Parameter"), "Name")
    parts = parameters[f'"/slipway/dev/workloads/{workload}"']["Value"]["Fn::Join"][1]
    return json.loads("".join(part if isinstance(part, str) else referred(part) for part in parts))


def referred(token: dict[str, Any]) -> str:
    return str(next(iter(token.values()))).replace('"', "")


@pytest.mark.parametrize("section", DESCRIPTOR_KEYS)
def test_the_descriptor_has_exactly_the_keys_of_the_contract(assembly: Any, section: str) -> None:
    document = descriptor(assembly)
    assert (document[section] if section else document).keys() == DESCRIPTOR_KEYS[section]


def test_the_descriptor_keeps_what_the_manifest_leaves_out_as_null(assembly: Any) -> None:
    assert descriptor(assembly)["training"]["spot_max_wait_seconds"] is None


def test_the_descriptor_describes_the_processing_steps_in_their_order(
    assembly: Any, two_workloads_assembly: Any
) -> None:
    assert descriptor(assembly)["processing"] is None
    document = descriptor(two_workloads_assembly, "constant_answer")
    first, second = document["processing"]["steps"]
    assert (first["name"], second["name"]) == ("clean", "count-words")
    assert first.keys() == {"name", "image_uri", "script", "instance_type", "instance_count", "volume_gb"} | {
        "max_runtime_seconds", "parameters", "inputs", "outputs"
    }  # fmt: skip
    assert (first["inputs"], second["parameters"]) == ({"training": "sharded"}, {"words": 200})
    assert "2.13-cpu-" in first["image_uri"] and "2.13-cu" in second["image_uri"]
    assert document["training"]["channels"] == ["counts"]


def test_the_descriptor_describes_the_search(assembly: Any, two_workloads_assembly: Any) -> None:
    assert descriptor(assembly)["tuning"] is None
    tuning = descriptor(two_workloads_assembly, "constant_answer")["tuning"]
    assert re.fullmatch(r"s3://cdk-.*/[0-9a-f]{64}\.py", tuning.pop("starter_uri"))
    assert re.fullmatch(r"ant-answer-[0-9a-f]{8}", tuning.pop("job_prefix"))
    assert tuning == {
        "objective": "error",
        "goal": "minimize",
        "strategy": "bayesian",
        "max_jobs": 5,
        "max_parallel_jobs": 2,
        "ranges": {"words": {"minimum": 50, "maximum": 5000, "scale": "logarithmic"}},
    }


def test_the_alarm_on_a_slower_model_is_quiet_until_a_rollout_gives_it_a_limit(two_workloads_assembly: Any) -> None:
    """The machine may change this one alarm and no other."""
    name = "slipway-dev-constant-answer-endpoint-slower"
    limit = descriptor(two_workloads_assembly, "constant_answer")["rollout"]["latency"]
    alarm = named(two_workloads_assembly.resources("AWS::CloudWatch::Alarm"), "AlarmName")[f'"{name}"']
    assert limit == {"ratio": 1.5, "alarm": name, "no_limit_us": alarm["Threshold"]}
    assert (alarm["MetricName"], alarm["ExtendedStatistic"], alarm["Period"]) == ("ModelLatency", "p99", 60)
    assert alarm["TreatMissingData"] == "notBreaching"
    allowed = [
        json.dumps(statement["Resource"])
        for policy in two_workloads_assembly.resources("AWS::IAM::Policy").values()
        for statement in policy["PolicyDocument"]["Statement"]
        if statement["Action"] == "cloudwatch:PutMetricAlarm"
    ]
    assert len(allowed) == 1 and f":alarm:{name}" in allowed[0]


def test_monitoring_is_described_scheduled_and_alarmed_on_where_the_manifest_asks_for_it(
    assembly: Any, two_workloads_assembly: Any
) -> None:
    assert descriptor(assembly)["monitoring"] is None
    document = descriptor(two_workloads_assembly, "constant_answer")
    monitoring = document["monitoring"]
    assert monitoring.keys() == {"state_machine_arn", "image_uri", "role_arn", "monitor_uri", "instance_type"} | {
        "volume_gb", "max_runtime_seconds", "sampling_percent", "window_hours", "baseline_requests"
    } | {"minimum_requests", "threshold", "quality"}  # fmt: skip
    assert monitoring["quality"] == {"metric": "accuracy", "field": "label"}
    prefix = "slipway-dev-constant-answer"
    watched = [f"{prefix}-{name}" for name in ("endpoint-5xx", "endpoint-slower", "model-quality")]
    assert document["rollout"]["alarms"] == watched
    alarms = named(two_workloads_assembly.resources("AWS::CloudWatch::Alarm"), "AlarmName")
    drift, quality = (alarms[f'"{prefix}-{name}"'] for name in ("drift", "model-quality"))
    assert (drift["Namespace"], drift["MetricName"], drift["Threshold"]) == ("Slipway/Monitoring", "MaxPSI", 0.2)
    assert (quality["Threshold"], quality["ComparisonOperator"]) == (0.9, "LessThanThreshold")
    assert drift["Dimensions"] == quality["Dimensions"] == [{"Name": "Workload", "Value": prefix}]
    rules = two_workloads_assembly.resources("AWS::Events::Rule").values()
    assert "rate(30 minutes)" in [rule.get("ScheduleExpression") for rule in rules]


def test_platform_and_api_documents_have_the_keys_of_the_contract(assembly: Any) -> None:
    parameters = named(assembly.resources("AWS::SSM::Parameter"), "Name")
    platform = json.dumps(parameters['"/slipway/dev/platform"']["Value"])
    api = json.dumps(parameters['"/slipway/dev/api"']["Value"])
    for key in ("data_bucket", "artifact_bucket", "log_bucket", "kms_key_arn", "alerts_topic_arn"):
        assert f'\\"{key}\\":' in platform
    for key in ("rest_api_id", "stage", "url", "api_key_id"):
        assert f'\\"{key}\\":' in api


def test_a_stage_to_throw_away_leaves_nothing_behind(assembly: Any) -> None:
    kept = [
        name
        for template in assembly.templates.values()
        for name, resource in template["Resources"].items()
        if resource.get("DeletionPolicy", "Delete") != "Delete"
    ]
    assert kept == []
