"""Requests against the service model: what is refused, and in which words."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from botocore.model import Shape
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from localcloud.sagemaker import constraints, validation
from localcloud.sagemaker.errors import SerializationException, ValidationException
from localcloud.sagemaker.service_model import operation_model, project, service_model


def check(operation: str, request: dict[str, Any]) -> dict[str, Any]:
    model = operation_model(operation)
    assert model is not None
    return validation.check(model.input_shape, request)


def refusal(operation: str, request: dict[str, Any]) -> str:
    with pytest.raises(ValidationException) as refused:
        check(operation, request)
    return refused.value.message


def test_an_acceptable_request_passes_unchanged(training_job: dict[str, Any], processing_job: dict[str, Any]) -> None:
    assert check("CreateTrainingJob", training_job) == training_job
    assert check("CreateProcessingJob", processing_job) == processing_job


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (
            ["TrainingJobName"],
            "a_b",
            "1 validation error detected: Value 'a_b' at 'trainingJobName' failed to satisfy constraint: "
            "Member must satisfy regular expression pattern: [a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}",
        ),
        (
            ["RoleArn"],
            "x",
            "2 validation errors detected: Value 'x' at 'roleArn' failed to satisfy constraint: "
            "Member must have length greater than or equal to 20; "
            "Value 'x' at 'roleArn' failed to satisfy constraint: Member must satisfy regular expression pattern: "
            r"arn:aws[a-z\-]*:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+",
        ),
        (
            ["InputDataConfig", 0, "ChannelName"],
            "",
            "2 validation errors detected: Value '' at 'inputDataConfig.1.member.channelName' failed to satisfy "
            "constraint: Member must have length greater than or equal to 1; "
            "Value '' at 'inputDataConfig.1.member.channelName' failed to satisfy constraint: "
            r"Member must satisfy regular expression pattern: [A-Za-z0-9\.\-_]+",
        ),
        (
            ["StoppingCondition", "MaxRuntimeInSeconds"],
            0,
            "1 validation error detected: Value '0' at 'stoppingCondition.maxRuntimeInSeconds' failed to satisfy "
            "constraint: Member must have value greater than or equal to 1",
        ),
        (
            ["HyperParameters"],
            {f"h{number}": "1" for number in range(101)},
            "failed to satisfy constraint: Member must have length less than or equal to 100",
        ),
        (
            ["HyperParameters"],
            {"k" * 257: "1"},
            "at 'hyperParameters' failed to satisfy constraint: Map keys must satisfy constraint: "
            "[Member must have length less than or equal to 256, Member must satisfy regular expression pattern: .*]",
        ),
        (
            ["HyperParameters"],
            {"epochs": "1" * 2501},
            "at 'hyperParameters' failed to satisfy constraint: Map value must satisfy constraint: "
            "[Member must have length less than or equal to 2500, Member must satisfy regular expression pattern: .*]",
        ),
        (
            ["AlgorithmSpecification", "ContainerEntrypoint"],
            ["python3", "x" * 257],
            "at 'algorithmSpecification.containerEntrypoint' failed to satisfy constraint: "
            "Member must satisfy constraint: [Member must have length less than or equal to 256",
        ),
        (
            ["Tags"],
            [{"Key": "team|x", "Value": ""}],
            "Value 'team|x' at 'tags.1.member.key' failed to satisfy constraint: "
            r"Member must satisfy regular expression pattern: ([\p{L}\p{Z}\p{N}_.:/=+\-@]*)",
        ),
    ],
)
def test_a_value_out_of_its_limits_is_named_with_its_constraint(
    training_job: dict[str, Any], path: list[Any], value: Any, message: str
) -> None:
    *parents, last = path
    place: Any = training_job
    for parent in parents:
        place = place[parent]
    place[last] = value
    training_job["Tags"] = training_job.get("Tags", [])
    assert message in refusal("CreateTrainingJob", training_job)


def test_an_unknown_instance_type_falls_out_of_the_enumeration(training_job: dict[str, Any]) -> None:
    training_job["ResourceConfig"]["InstanceType"] = "ml.t9.medium"
    message = refusal("CreateTrainingJob", training_job)
    assert message.startswith(
        "1 validation error detected: Value 'ml.t9.medium' at 'resourceConfig.instanceType' failed to satisfy "
        "constraint: Member must satisfy enum value set: [ml.m4.xlarge, "
    )


def test_every_missing_required_member_is_named() -> None:
    assert refusal("CreateEndpointConfig", {"ProductionVariants": [{}]}) == (
        "2 validation errors detected: Value null at 'endpointConfigName' failed to satisfy constraint: "
        "Member must not be null; Value null at 'productionVariants.1.member.variantName' failed to satisfy "
        "constraint: Member must not be null"
    )


def test_null_is_absence() -> None:
    assert check("CreateModel", {"ModelName": "a", "VpcConfig": None}) == {"ModelName": "a"}
    assert "Value null at 'modelName'" in refusal("CreateModel", {"ModelName": None})


def test_an_unknown_member_is_refused_at_its_place(training_job: dict[str, Any]) -> None:
    training_job["ResourceConfig"]["InstanceTypo"] = "ml.m5.large"
    assert refusal("CreateTrainingJob", training_job) == (
        "1 validation error detected: Value at 'resourceConfig.instanceTypo' failed to satisfy constraint: "
        "Member is not known to ResourceConfig"
    )


def test_letters_of_all_scripts_are_letters(training_job: dict[str, Any]) -> None:
    training_job["Tags"] = [{"Key": "équipe", "Value": "学習"}]
    assert check("CreateTrainingJob", training_job) == training_job


def test_a_sensitive_value_is_not_repeated() -> None:
    request = {"ModelPackageArn": "arn:aws:sagemaker:eu-west-1:123456789012:model-package/g/1"}
    request |= {"ModelCard": {"ModelCardContent": "secret" * 20_000, "ModelCardStatus": "Draft"}}
    message = refusal("UpdateModelPackage", request)
    assert "Value at 'modelCard.modelCardContent' failed to satisfy constraint" in message
    assert "secret" not in message


def test_a_long_value_is_cut_in_the_message() -> None:
    assert len(refusal("CreateModel", {"ModelName": "a" * 100_000})) < 3000


@pytest.mark.parametrize(
    ("member", "value", "message"),
    [
        ("EndpointName", 5, "NUMBER_VALUE can not be converted to a String at 'endpointName'"),
        ("EndpointName", True, "TRUE_VALUE can not be converted to a String at 'endpointName'"),
        ("EndpointName", {}, "Start of structure or map can not be converted to a String at 'endpointName'"),
        ("Tags", {}, "Start of structure or map found where a list was expected at 'tags'"),
        ("Tags", ["x"], "STRING_VALUE found where a structure or map was expected at 'tags.1.member'"),
    ],
)
def test_a_value_of_the_wrong_type_is_refused_as_unreadable(member: str, value: Any, message: str) -> None:
    with pytest.raises(SerializationException) as refused:
        check("CreateEndpoint", {"EndpointConfigName": "c", "EndpointName": "e", member: value})
    assert refused.value.message == message


@pytest.mark.parametrize(
    ("value", "accepted"), [(3, 3), (3.0, 3), (3.5, None), ("3", None), (2**31, None), (True, None), (1e300, None)]
)
def test_an_integer_is_a_whole_number_of_its_width(training_job: dict[str, Any], value: Any, accepted: Any) -> None:
    training_job["ResourceConfig"]["InstanceCount"] = value
    if accepted is None:
        with pytest.raises(SerializationException, match=r"resourceConfig\.instanceCount"):
            check("CreateTrainingJob", training_job)
    else:
        assert check("CreateTrainingJob", training_job)["ResourceConfig"]["InstanceCount"] == accepted


def test_timestamps_become_epoch_seconds() -> None:
    request = {"CreationTimeAfter": 12, "CreationTimeBefore": "1970-01-01T00:01:00Z"}
    assert check("ListModels", request) == {"CreationTimeAfter": 12.0, "CreationTimeBefore": 60.0}
    with pytest.raises(SerializationException, match="'yesterday' can not be converted to a Timestamp"):
        check("ListModels", {"CreationTimeAfter": "yesterday"})


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"{", "not valid JSON"),
        (b"[]", "must be a JSON object"),
        (b"\xff", "not valid JSON"),
        (b'{"a": NaN}', "NaN is not a JSON number"),
        (b'{"a": 1e999}', "1e999 is out of range"),
        (b'{"a": 1, "a": 2}', "duplicate member 'a'"),
        (b"[" * 100_000, "not valid JSON"),
    ],
)
def test_a_body_that_is_not_a_json_object_is_refused(body: bytes, message: str) -> None:
    with pytest.raises(SerializationException) as refused:
        validation.read_body(body)
    assert message in refused.value.message


def test_an_empty_body_is_an_empty_request() -> None:
    assert validation.read_body(b"") == {}


def test_every_pattern_of_the_service_model_is_understood() -> None:
    model = service_model()
    for name in model.shape_names:
        if pattern := model.shape_for(name).metadata.get("pattern"):
            constraints._compile(pattern)


def test_supplementary_characters_match_javas_surrogate_pairs() -> None:
    pattern = r"[\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF\t]*"
    assert constraints._compile(pattern).fullmatch("a😀")
    assert not constraints._compile(pattern).fullmatch("a\n")


def test_an_answer_has_the_members_of_its_shape_only() -> None:
    shape = operation_model("DescribeModel").output_shape
    document = {"ModelName": "a", "_Tags": [], "Unknown": 1, "PrimaryContainer": {"Image": "i", "_private": 1}}
    assert project(shape, document) == {"ModelName": "a", "PrimaryContainer": {"Image": "i"}}


def _values(shape: Shape) -> st.SearchStrategy[Any]:
    """Values of a shape within its limits, patterns left aside: the shapes below have none."""
    low, high = shape.metadata.get("min", 0), shape.metadata.get("max", 2**31 - 1)
    if shape.type_name == "structure":
        required = {name: _values(shape.members[name]) for name in shape.required_members}
        optional = {name: _values(part) for name, part in shape.members.items() if name not in required}
        return st.fixed_dictionaries(required, optional=optional)
    if shape.type_name == "list":
        return st.lists(_values(shape.member), min_size=low, max_size=min(high, low + 3))
    if shape.type_name == "string":
        return st.sampled_from(shape.enum) if shape.enum else st.text("ab", min_size=low, max_size=min(high, 8))
    return st.integers(low, high)


_DEPLOYMENT = service_model().shape_for("BlueGreenUpdatePolicy")


@settings(max_examples=50, deadline=None)
@given(_values(_DEPLOYMENT))
def test_values_within_the_limits_of_a_shape_pass(policy: dict[str, Any]) -> None:
    assert validation.check(_DEPLOYMENT, policy) == policy


@settings(max_examples=50, deadline=None)
@given(_values(_DEPLOYMENT), st.integers(min_value=3601, max_value=2**31 - 1) | st.integers(-(2**31) + 1, -1))
def test_values_outside_the_limits_of_a_shape_are_refused(policy: dict[str, Any], seconds: int) -> None:
    refused = {**copy.deepcopy(policy), "TerminationWaitInSeconds": seconds}
    with pytest.raises(ValidationException, match=f"Value '{seconds}' at 'terminationWaitInSeconds'"):
        validation.check(_DEPLOYMENT, refused)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_value_anywhere_in_a_request_breaks_the_validator(training_job: dict[str, Any], data: st.DataObject) -> None:
    request = copy.deepcopy(training_job)
    place: Any = request
    while data.draw(st.booleans()):
        inner = [value for value in (place.values() if isinstance(place, dict) else place) if value]
        nested = [value for value in inner if isinstance(value, dict | list)]
        if not nested:
            break
        place = data.draw(st.sampled_from(nested))
    key = data.draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
    place[key] = data.draw(_json)
    body = json.dumps(request).encode()
    try:
        check("CreateTrainingJob", validation.read_body(body))
    except (ValidationException, SerializationException) as refused:
        assert refused.message
