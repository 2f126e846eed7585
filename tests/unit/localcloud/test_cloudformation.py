from types import SimpleNamespace

import pytest
from botocore.exceptions import ClientError

from localcloud import cloudformation
from localcloud.cloudformation import TYPES, Provisioner, ResourceFailed
from localcloud.cloudformation_values import typed
from localcloud.sagemaker.service_model import operation_model, service_model

ARN = "arn:aws:sagemaker:us-east-1:000000000000:endpoint/"


class FakeEndpoints:
    """SageMaker's endpoints; a new or changed one has the given statuses, one after the other."""

    meta = SimpleNamespace(service_model=service_model())

    def __init__(self, *statuses: str) -> None:
        self.statuses = statuses
        self.endpoints: dict[str, dict] = {}
        self.pending: list[str] = []
        self.calls: list[tuple[str, dict]] = []
        self.rolls_back = False

    def _make_api_call(self, operation: str, request: dict) -> dict:
        self.calls.append((operation, request))
        name = request["EndpointName"]
        if operation == "CreateEndpoint":
            self.endpoints[name] = {"EndpointArn": ARN + name}
        elif name not in self.endpoints:
            error = {"Code": "ValidationException", "Message": f'Could not find endpoint "{ARN}{name}".'}
            raise ClientError({"Error": error}, operation)
        if operation in ("CreateEndpoint", "UpdateEndpoint"):
            self.pending = list(self.statuses)
            if operation == "CreateEndpoint" or not self.rolls_back:
                self.endpoints[name]["EndpointConfigName"] = request["EndpointConfigName"]
        elif operation == "DeleteEndpoint":
            del self.endpoints[name]
            return {}
        status = self.pending.pop(0) if len(self.pending) > 1 else self.pending[0]
        return {**self.endpoints[name], "EndpointStatus": status, "FailureReason": "no space"}

    def operations(self) -> list[str]:
        return [operation for operation, _ in self.calls if not operation.startswith("Describe")]


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr(cloudformation.time, "sleep", lambda _seconds: None)


def provisioner(endpoints: FakeEndpoints) -> Provisioner:
    return Provisioner(TYPES["AWS::SageMaker::Endpoint"], lambda: endpoints)


def test_an_endpoint_is_made_when_it_is_in_service():
    endpoints = FakeEndpoints("Creating", "Creating", "InService")
    arn, attributes = provisioner(endpoints).create("Endpoint", {"EndpointConfigName": "c"}, "stack")
    name = attributes["EndpointName"]
    assert arn == ARN + name
    assert name.startswith("endpoint-stack-")
    assert endpoints.calls[0] == ("CreateEndpoint", {"EndpointConfigName": "c", "EndpointName": name})
    assert not endpoints.pending[1:]


def test_an_endpoint_that_fails_fails_the_resource_with_its_reason_and_is_not_left_behind():
    endpoints = FakeEndpoints("Creating", "Failed")
    with pytest.raises(ResourceFailed, match="no space"):
        provisioner(endpoints).create("E", {"EndpointConfigName": "c"}, "stack")
    assert endpoints.endpoints == {}


def test_an_update_that_sagemaker_rolls_back_fails_the_resource():
    endpoints = FakeEndpoints("Updating", "RollingBack", "InService")
    made = provisioner(endpoints)
    old = {"EndpointName": "e", "EndpointConfigName": "one"}
    arn, _ = made.create("E", old, "stack")
    endpoints.rolls_back = True
    with pytest.raises(ResourceFailed, match="no space"):
        made.update(arn, old, {**old, "EndpointConfigName": "two"}, "stack", "E")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"InitialInstanceCount": "2"}, {"InitialInstanceCount": 2}),
        ({"InitialVariantWeight": "0.5"}, {"InitialVariantWeight": 0.5}),
        ({"EnableSSMAccess": "true"}, {"EnableSSMAccess": True}),
        ({"VariantName": 7}, {"VariantName": "7"}),
        ({"InitialInstanceCount": "many"}, {"InitialInstanceCount": "many"}),
        ({"NoSuchMember": "2"}, {"NoSuchMember": "2"}),
    ],
)
def test_parameters_are_text_and_become_what_the_api_takes(value, expected):
    shape = operation_model("CreateEndpointConfig").input_shape
    assert typed(shape, {"ProductionVariants": [value]}) == {"ProductionVariants": [expected]}


def test_a_reference_to_a_config_is_its_name():
    endpoints = FakeEndpoints("InService")
    reference = "arn:aws:sagemaker:us-east-1:000000000000:endpoint-config/mine"
    provisioner(endpoints).create("E", {"EndpointConfigName": reference}, "stack")
    assert endpoints.calls[0][1]["EndpointConfigName"] == "mine"


def test_another_config_updates_the_endpoint():
    endpoints = FakeEndpoints("InService")
    made = provisioner(endpoints)
    old = {"EndpointName": "e", "EndpointConfigName": "one"}
    arn, _ = made.create("E", old, "stack")
    assert made.update(arn, old, {**old, "EndpointConfigName": "two"}, "stack", "E")[0] == arn
    assert endpoints.operations() == ["CreateEndpoint", "UpdateEndpoint"]


def test_a_named_resource_is_not_replaced_under_its_name():
    config = Provisioner(TYPES["AWS::SageMaker::EndpointConfig"], lambda: pytest.fail("nothing is to be called"))
    old = {"EndpointConfigName": "c", "ProductionVariants": []}
    with pytest.raises(ResourceFailed, match="ProductionVariants"):
        config.update(f"{ARN}c", old, {**old, "ProductionVariants": [{}]}, "stack", "C")


def test_what_only_an_update_knows_is_not_sent_on_creation():
    endpoints = FakeEndpoints("InService")
    made = provisioner(endpoints)
    old = {"EndpointName": "e", "EndpointConfigName": "one", "RetainAllVariantProperties": True}
    arn, _ = made.create("E", old, "stack")
    made.update(arn, old, {**old, "EndpointConfigName": "two"}, "stack", "E")
    sent = {operation: request for operation, request in endpoints.calls}
    assert "RetainAllVariantProperties" not in sent["CreateEndpoint"]
    assert sent["UpdateEndpoint"]["RetainAllVariantProperties"] is True


def test_deleting_waits_until_it_is_gone_and_what_is_gone_is_fine():
    endpoints = FakeEndpoints("InService")
    made = provisioner(endpoints)
    arn, _ = made.create("E", {"EndpointName": "Mixed", "EndpointConfigName": "c"}, "stack")
    made.delete(arn, {"EndpointName": "Mixed"})
    assert endpoints.endpoints == {}
    made.delete(arn, {"EndpointName": "Mixed"})
