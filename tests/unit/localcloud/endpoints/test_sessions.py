"""A stateful session stays at the instance that opened it, until it is closed or the instance is gone."""

import json

from tests.unit.localcloud.endpoints.conftest import Endpoints

_NEW = {"x_amzn_sagemaker_session_id": "NEW_SESSION"}


def _host(result) -> str:
    return json.loads(result.body)["headers"]["host"]


def _open(endpoints: Endpoints) -> tuple[str, str]:
    """A new session's id, and the instance that opened it."""
    answer = endpoints.invoke(**_NEW)
    header = answer.headers["x-amzn-sagemaker-new-session-id"]
    assert header.endswith("; Expires=2030-01-01T00:00:00Z")
    return header.split(";")[0], _host(answer)


def test_requests_of_a_session_go_to_the_instance_that_opened_it(endpoints: Endpoints) -> None:
    endpoints.put_config("c1", primary={"InitialInstanceCount": 2})
    endpoints.create("c1")
    session, host = _open(endpoints)
    assert {_host(endpoints.invoke(x_amzn_sagemaker_session_id=session)) for _ in range(6)} == {host}
    assert len({_host(endpoints.invoke()) for _ in range(6)}) == 2


def test_a_closed_session_is_held_by_nobody(endpoints: Endpoints) -> None:
    endpoints.put_config("c1", primary={"InitialInstanceCount": 2})
    endpoints.create("c1")
    session, _ = _open(endpoints)
    closing = endpoints.invoke(b"close", x_amzn_sagemaker_session_id=session)
    assert closing.headers["x-amzn-sagemaker-closed-session-id"] == session
    assert len({_host(endpoints.invoke(x_amzn_sagemaker_session_id=session)) for _ in range(6)}) == 2


def test_a_session_of_an_instance_that_is_gone_goes_on_elsewhere(endpoints: Endpoints) -> None:
    endpoints.put_config("c1", primary={"InitialInstanceCount": 2})
    endpoints.create("c1")
    session, host = _open(endpoints)
    endpoints.put_config("c2", primary={})
    endpoints.update("c2")
    endpoints.settled()
    assert _host(endpoints.invoke(x_amzn_sagemaker_session_id=session)) != host
