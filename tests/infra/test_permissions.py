"""Least privilege, over every policy of every template."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

WITHOUT_RESOURCE = {
    "application-autoscaling:DescribeScalableTargets": "describes, filtered by endpoint and variant in the request",
    "application-autoscaling:DescribeScalingPolicies": "describes, filtered by endpoint and variant in the request",
    "application-autoscaling:DescribeScheduledActions": "describes, filtered by endpoint and variant in the request",
    "cloudwatch:GetMetricData": "reading metrics",
    "cloudwatch:PutMetricData": "bound to a namespace by a condition",
    "ecr:GetAuthorizationToken": "a token for the registry, not for a repository",
    "logs:CreateLogDelivery": "log delivery of Step Functions",
    "logs:DeleteLogDelivery": "log delivery of Step Functions",
    "logs:DescribeLogGroups": "log delivery of Step Functions",
    "logs:DescribeResourcePolicies": "log delivery of Step Functions",
    "logs:GetLogDelivery": "log delivery of Step Functions",
    "logs:ListLogDeliveries": "log delivery of Step Functions",
    "logs:PutResourcePolicy": "log delivery of Step Functions",
    "logs:UpdateLogDelivery": "log delivery of Step Functions",
    "sagemaker:ListEndpointConfigs": "lists, filtered by name in the request",
    "sagemaker:ListModels": "lists, filtered by name in the request",
    "sagemaker:ListModelPackages": "lists, filtered by group in the request",
    "xray:GetSamplingRules": "tracing",
    "xray:GetSamplingTargets": "tracing",
    "xray:PutTelemetryRecords": "tracing",
    "xray:PutTraceSegments": "tracing",
}
"""The actions that IAM gives no resource: the only ones that may have `*` for one, and why we need them."""

SCALED_VARIANTS = {
    "application-autoscaling:service-namespace": "sagemaker",
    "application-autoscaling:scalable-dimension": "sagemaker:variant:DesiredInstanceCount",
}


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def identity_statements(assembly: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, properties in assembly.resources("AWS::IAM::Policy").items():
        for statement in properties["PolicyDocument"]["Statement"]:
            yield name, statement
    for name, properties in assembly.resources("AWS::IAM::Role").items():
        for policy in properties.get("Policies", []):
            for statement in policy["PolicyDocument"]["Statement"]:
                yield name, statement


RESOURCE_POLICIES = {
    "AWS::S3::BucketPolicy": "PolicyDocument",
    "AWS::SQS::QueuePolicy": "PolicyDocument",
    "AWS::SNS::TopicPolicy": "PolicyDocument",
    "AWS::KMS::Key": "KeyPolicy",
}


def resource_statements(assembly: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    for kind in RESOURCE_POLICIES:
        yield from statements_of(assembly, kind)


def statements_of(assembly: Any, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Of the policies of the resources of one type."""
    for name, properties in assembly.resources(kind).items():
        for statement in properties[RESOURCE_POLICIES[kind]]["Statement"]:
            yield name, statement


def test_no_statement_allows_every_action_of_anything(assembly: Any) -> None:
    for name, statement in identity_statements(assembly):
        assert "NotAction" not in statement, name
        assert [action for action in as_list(statement["Action"]) if "*" in action] == [], name


def test_only_actions_without_a_resource_are_allowed_on_every_resource(assembly: Any) -> None:
    for name, statement in identity_statements(assembly):
        if "*" in as_list(statement["Resource"]):
            assert set(as_list(statement["Action"])) - WITHOUT_RESOURCE.keys() == set(), name


def test_every_wildcard_in_a_resource_follows_a_name_of_ours(assembly: Any) -> None:
    for name, statement in identity_statements(assembly):
        for resource in as_list(statement["Resource"]):
            text = json.dumps(resource)
            if "*" in text and resource != "*":
                before = text.split("*")[0]
                if ":scalable-target/" in before:  # its ARN has no name in it; the condition binds it to variants
                    assert statement["Condition"] == {"StringEquals": SCALED_VARIANTS}
                    continue
                if statement["Action"] == "sagemaker:DescribeEndpointConfig" and ":endpoint-config/" in before:
                    continue  # Application Auto Scaling reads copies that SageMaker names
                assert any(own in before for own in ("slipway", "mnist_lightning", "/aws/sagemaker/")), (name, text)


def test_metrics_may_be_written_to_named_namespaces_only(assembly: Any) -> None:
    found = [s for _, s in identity_statements(assembly) if "cloudwatch:PutMetricData" in as_list(s["Action"])]
    assert found
    for statement in found:
        assert statement["Condition"]["StringEquals"]["cloudwatch:namespace"].startswith("/aws/sagemaker/")


def test_roles_are_passed_by_name_and_to_sagemaker_only_but_those_of_image_builds(assembly: Any) -> None:
    found = [s for _, s in identity_statements(assembly) if "iam:PassRole" in as_list(s["Action"])]
    services = [statement["Condition"]["StringEquals"]["iam:PassedToService"] for statement in found]
    assert set(services) == {"sagemaker.amazonaws.com", "codebuild.amazonaws.com"}
    for statement, service in zip(found, services, strict=True):
        if service == "codebuild.amazonaws.com":
            assert ":role/slipway-dev/image-build/*" in json.dumps(statement["Resource"])
        else:
            assert all(resource.keys() == {"Fn::GetAtt"} for resource in as_list(statement["Resource"]))


def _touching(assembly: Any, folder: str) -> set[tuple[str, str]]:
    """Which role of the second workload may do what with objects in `folder`."""
    stack = "slipway-dev-constant-answer/"
    own = [(name, s) for name, s in identity_statements(assembly) if name.startswith(stack)]
    return {
        (_role(name.removeprefix(stack)), action)
        for name, statement in own
        for action in as_list(statement["Action"])
        if f"{folder}/" in json.dumps(statement["Resource"]) and action != "s3:GetObjectVersion"
    }


def test_the_data_check_writes_its_own_prefixes_and_nothing_is_deleted(two_workloads_assembly: Any) -> None:
    written = {("TrainingChecks", "s3:PutObject"), ("TrainingChecks", "s3:AbortMultipartUpload")}
    assert _touching(two_workloads_assembly, "constant_answer/quarantine") == written
    assert _touching(two_workloads_assembly, "constant_answer/checks") == written | {
        ("TrainingProcessing", "s3:GetObject"),
        ("TrainingTrainingRole", "s3:GetObject"),
        ("TrainingEvaluationRole", "s3:GetObject"),
    }


def test_processing_steps_write_below_processed_and_training_reads_there(two_workloads_assembly: Any) -> None:
    assert _touching(two_workloads_assembly, "constant_answer/processed") == {
        ("TrainingProcessing", "s3:GetObject"),
        ("TrainingProcessing", "s3:PutObject"),
        ("TrainingProcessing", "s3:AbortMultipartUpload"),
        ("TrainingTrainingRole", "s3:GetObject"),
        ("TrainingEvaluationRole", "s3:GetObject"),
    }


def _role(logical_id: str) -> str:
    """The construct's path in a logical id: what stands before `Role` and the hash."""
    known = ("TrainingChecks", "TrainingProcessing", "TrainingTrainingRole", "TrainingEvaluationRole")
    return next((name for name in known if logical_id.startswith(name)), logical_id)


def test_the_machine_runs_the_jobs_of_its_own_steps_only(two_workloads_assembly: Any) -> None:
    jobs = {
        json.dumps(resource).rsplit("/", 1)[-1].split('"')[0]
        for name, statement in identity_statements(two_workloads_assembly)
        for resource in as_list(statement["Resource"])
        if "constant-answer/Training" in name and "sagemaker:CreateProcessingJob" in as_list(statement["Action"])
    }
    prefix = f"slipway-dev-constant-answer-{'?' * 12}"
    assert jobs == {f"{prefix}-eval", f"{prefix}-check", f"{prefix}-clean", f"{prefix}-count-words"}


def test_a_machine_that_tunes_creates_tuning_jobs_and_no_training_jobs(two_workloads_assembly: Any) -> None:
    own = [s for name, s in identity_statements(two_workloads_assembly) if "constant-answer/Training" in name]
    tuning = [s for s in own if "sagemaker:CreateHyperParameterTuningJob" in as_list(s["Action"])]
    assert len(tuning) == 1
    assert re.search(r":hyper-parameter-tuning-job/ant-answer-[0-9a-f]{8}-\?{12}\"", json.dumps(tuning[0]["Resource"]))
    assert not [s for s in own if "sagemaker:CreateTrainingJob" in as_list(s["Action"])]
    rules = [json.dumps(s["Resource"]) for s in own if "events:PutRule" in as_list(s["Action"])]
    assert len(rules) == 1
    assert "ForSageMakerTuningJobsRule" in rules[0] and "ForSageMakerProcessingJobsRule" in rules[0]


def test_what_starts_a_job_and_waits_for_it_may_list_its_tags(two_workloads_assembly: Any) -> None:
    """Step Functions guide, "IAM policies for calling Amazon SageMaker AI": by its tags it knows a job of its own."""
    created = re.compile(r"sagemaker:Create\w+Job")
    starting = [
        statement
        for _, statement in identity_statements(two_workloads_assembly)
        if any(created.fullmatch(action) for action in as_list(statement["Action"]))
    ]
    assert starting
    for statement in starting:
        assert {"sagemaker:AddTags", "sagemaker:ListTags"} <= set(as_list(statement["Action"]))


FOR_AWS = {"Bool": {"kms:GrantIsForAWSResource": "true"}}


def _key_use(assembly: Any, role: str) -> dict[str, Any]:
    """What the roles of the flagship whose logical id begins with `role` may do with the key -> condition or None."""
    return {
        action: statement.get("Condition")
        for name, statement in identity_statements(assembly)
        for action in as_list(statement["Action"])
        if name.rpartition("/")[2].startswith(role) and action.startswith("kms:")
    }


@pytest.mark.parametrize("role", ["TrainingTrainingRole", "TrainingEvaluationRole", "RolloutServingRole", "BatchRole"])
def test_roles_of_containers_use_the_key_as_sagemaker_documents_it(assembly: Any, role: str) -> None:
    """SageMaker AI developer guide, "How to use SageMaker AI execution roles": Decrypt for inputs, Encrypt for outputs,
    a grant for volumes. S3 itself asks for GenerateDataKey.
    """
    use = _key_use(assembly, role)
    assert use.keys() >= {"kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"}
    assert use["kms:CreateGrant"] == FOR_AWS


def test_what_creates_an_endpoint_with_a_key_may_grant_aws_its_use(assembly: Any) -> None:
    """SageMaker AI developer guide, "Actions, Permissions, and Resources Reference", CreateEndpoint: of the caller."""
    assert _key_use(assembly, "RolloutMachineRole")["kms:CreateGrant"] == FOR_AWS


def test_monitoring_reads_what_was_captured_and_writes_reports_only(two_workloads_assembly: Any) -> None:
    captured = _touching(two_workloads_assembly, "_captured/constant_answer")
    assert {action for role, action in captured if role.startswith("RolloutServingRole")} == {
        "s3:AbortMultipartUpload",
        "s3:PutObject",
    }
    assert {action for role, action in captured if role.startswith("Monitoring")} == {"s3:GetObject"}
    jobs = {
        json.dumps(resource).rsplit("/", 1)[-1].split('"')[0]
        for name, statement in identity_statements(two_workloads_assembly)
        for resource in as_list(statement["Resource"])
        if "constant-answer/Monitoring" in name and "sagemaker:CreateProcessingJob" in as_list(statement["Action"])
    }
    assert jobs == {f"slipway-dev-constant-answer-{'?' * 12}-drift"}
    namespaces = {
        statement["Condition"]["StringEquals"]["cloudwatch:namespace"]
        for name, statement in identity_statements(two_workloads_assembly)
        if "constant-answer/MonitoringPublish" in name and "cloudwatch:PutMetricData" in as_list(statement["Action"])
    }
    assert namespaces == {"Slipway/Monitoring"}


def test_no_policy_lets_everybody_in(assembly: Any) -> None:
    for name, statement in resource_statements(assembly):
        if statement["Effect"] == "Allow":
            assert statement["Principal"] != "*", name
            assert statement["Principal"].get("AWS") != "*", name


EVENTBRIDGE = {"Service": "events.amazonaws.com"}
NO_CONTEXT_FROM_EVENTBRIDGE = ("AWS::SNS::TopicPolicy", "AWS::KMS::Key")
"""Where a condition would refuse what EventBridge publishes: it tells a topic, and the topic's key, neither its account
nor its rule (EventBridge user guide, "Using resource-based policies"; SNS developer guide, "Key management").
"""


def test_services_in_resource_policies_act_for_this_account_only(assembly: Any) -> None:
    """The confused deputy: a service must not be usable by another account against our key, queue or topic."""
    for kind in RESOURCE_POLICIES:
        for name, statement in statements_of(assembly, kind):
            if statement["Effect"] != "Allow" or "Service" not in statement["Principal"]:
                continue
            if kind in NO_CONTEXT_FROM_EVENTBRIDGE and statement["Principal"] == EVENTBRIDGE:
                continue
            keys = {key for operator in statement["Condition"].values() for key in operator}
            bound = {"aws:SourceAccount", "aws:SourceArn", "kms:EncryptionContext:aws:logs:arn"}
            assert keys & bound, name


@pytest.mark.parametrize("kind", NO_CONTEXT_FROM_EVENTBRIDGE)
def test_what_eventbridge_publishes_meets_no_condition(assembly: Any, kind: str) -> None:
    """Of the topic's policy and its key's: else no rule reports a failed run."""
    statements = [s for _, s in statements_of(assembly, kind) if s["Principal"] == EVENTBRIDGE]
    assert len(statements) == 1
    assert "Condition" not in statements[0]
    assert all("*" not in action for action in as_list(statements[0]["Action"]))


@pytest.mark.parametrize("service", ["codebuild", "sagemaker", "states"])
def test_services_assume_roles_for_this_account_only(assembly: Any, service: str) -> None:
    statements = [
        statement
        for properties in assembly.resources("AWS::IAM::Role").values()
        for statement in properties["AssumeRolePolicyDocument"]["Statement"]
        if statement["Principal"]["Service"] == f"{service}.amazonaws.com"
    ]
    assert statements
    for statement in statements:
        assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}


def test_only_api_gateways_logging_role_has_a_managed_policy(assembly: Any) -> None:
    managed = {
        json.dumps(policy)
        for properties in assembly.resources("AWS::IAM::Role").values()
        for policy in properties.get("ManagedPolicyArns", [])
    }
    assert len(managed) == 1
    assert "AmazonAPIGatewayPushToCloudWatchLogs" in managed.pop()


def test_what_is_not_tls_is_refused_by_buckets_queues_and_topics(assembly: Any) -> None:
    for kind, resource in (("S3::Bucket", "S3::BucketPolicy"), ("SQS::Queue", "SQS::QueuePolicy")):
        policies = assembly.resources(f"AWS::{resource}")
        denying = [name for name, properties in policies.items() if denies_plain_text(properties)]
        assert denying == list(policies)
        assert len(policies) == len(assembly.resources(f"AWS::{kind}"))
    assert all(denies_plain_text(properties) for properties in assembly.resources("AWS::SNS::TopicPolicy").values())


def denies_plain_text(properties: dict[str, Any]) -> bool:
    return any(
        statement["Effect"] == "Deny"
        and statement.get("Condition") == {"Bool": {"aws:SecureTransport": "false"}}
        and statement["Principal"] in ("*", {"AWS": "*"})
        for statement in properties["PolicyDocument"]["Statement"]
    )
