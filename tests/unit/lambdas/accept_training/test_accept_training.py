import json
from typing import Any

import pytest
from accept_training.handler import handler
from accept_training.logic import MAX_BODY_BYTES

from tests.support.loopback_aws import LoopbackAws

PARAMETER = "/slipway/dev/workloads/digits"


@pytest.fixture
def bus(aws: LoopbackAws, parameters: dict[str, Any]) -> list[dict[str, Any]]:
    """The entries that EventBridge took."""
    taken: list[dict[str, Any]] = []

    def put(request: dict[str, Any]) -> dict[str, Any]:
        taken.extend(request["Entries"])
        return {"FailedEntryCount": 0, "Entries": [{"EventId": "e1"}]}

    aws.operations["AWSEvents.PutEvents"] = put
    return taken


@pytest.fixture
def post(load_event: Any, context: Any) -> Any:
    def post(body: Any = None, name: str = "digits") -> tuple[int, Any, dict[str, str]]:
        event = load_event("api_predict") | {"pathParameters": {"name": name}, "isBase64Encoded": False}
        event["body"] = body if body is None or isinstance(body, str) else json.dumps(body)
        answer = handler(event, context)
        return answer["statusCode"], json.loads(answer["body"]), answer["headers"]

    return post


def test_a_request_becomes_an_event_and_its_id_is_answered(bus: list[dict[str, Any]], post: Any) -> None:
    asked = {"dataset": "20261112-080000-ab12", "hyperparameters": {"epochs": 3, "augment": True, "network": "vgg"}}
    status, answer, _ = post(asked)
    assert status == 202
    (entry,) = bus
    assert (entry["Source"], entry["DetailType"]) == ("slipway", "Training Requested")
    assert json.loads(entry["Detail"]) == {
        "workload": "digits",
        "request_id": answer["request_id"],
        "dataset": "20261112-080000-ab12",
        "hyperparameters": {"epochs": "3", "augment": "true", "network": "vgg"},
    }


def test_without_a_body_the_newest_data_set_is_asked_for_and_each_request_has_its_own_id(
    bus: list[dict[str, Any]], post: Any
) -> None:
    ids = {post()[1]["request_id"], post({})[1]["request_id"]}
    assert len(ids) == 2
    assert [json.loads(entry["Detail"])["dataset"] for entry in bus] == [None, None]


@pytest.mark.parametrize(
    ("body", "field", "message"),
    [
        ("{", None, "the body is not JSON"),
        ("[]", None, "must be a JSON object"),
        ('{"dataset": "a", "dataset": "b"}', None, "appears twice"),
        ({"data": "d1"}, "data", "unknown key 'data'; allowed: 'dataset', 'hyperparameters'"),
        ({"dataset": "../d1"}, "dataset", "dataset must match"),
        ({"dataset": 7}, "dataset", "dataset must match"),
        ({"hyperparameters": [1]}, "hyperparameters", "must be a JSON object"),
        ({"hyperparameters": {"depth": 1}}, "hyperparameters.depth", "allowed: augment, epochs, learning_rate"),
        ({"hyperparameters": {"epochs": None}}, "hyperparameters.epochs", "must be a string, a number or a boolean"),
    ],
)
def test_a_wrong_request_is_answered_with_what_is_wrong(
    bus: list[dict[str, Any]], post: Any, body: Any, field: str | None, message: str
) -> None:
    status, answer, _ = post(body)
    assert (status, answer["error"]["code"], answer["error"].get("field")) == (400, "invalid_body", field)
    assert message in answer["error"]["message"]
    assert bus == []


def test_a_body_that_is_too_large_is_refused(bus: list[dict[str, Any]], post: Any) -> None:
    assert post(" " * (MAX_BODY_BYTES + 1))[0] == 413
    assert bus == []


def test_an_unknown_workload_is_not_found(bus: list[dict[str, Any]], post: Any) -> None:
    assert post(name="letters")[:2] == (
        404,
        {"error": {"code": "unknown_workload", "message": "there is no workload named 'letters'"}},
    )


def test_a_workload_whose_manifest_says_no_takes_none(
    bus: list[dict[str, Any]], parameters: dict[str, Any], post: Any
) -> None:
    parameters[PARAMETER]["triggers"]["api"] = False
    status, answer, _ = post()
    assert (status, answer["error"]["code"]) == (403, "forbidden")
    assert bus == []


def test_what_the_event_bus_did_not_take_is_to_be_sent_again(aws: LoopbackAws, parameters: Any, post: Any) -> None:
    failed = {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "InternalFailure"}]}
    aws.operations["AWSEvents.PutEvents"] = lambda _: failed
    status, answer, headers = post()
    assert (status, answer["error"]["code"], headers["Retry-After"]) == (503, "unavailable", "5")
