"""Serverless variants with real server processes: asleep when idle, awake with a request, never more than allowed."""

import asyncio
import json
from typing import Any

import pytest

from localcloud.sagemaker.endpoints.invocation import InvocationError
from localcloud.sagemaker.endpoints.serverless import MAX_BODY_BYTES, ServerlessFleet
from tests.unit.localcloud.endpoints.conftest import Endpoints, until


def _serverless(**members: Any) -> dict[str, Any]:
    return {"InitialInstanceCount": None, "ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": 2, **members}}


def _servers(endpoints: Endpoints) -> int:
    (variant,) = endpoints.supervisor.serving("e")
    return len(variant.instances)


@pytest.fixture
def asleep(endpoints: Endpoints, monkeypatch: pytest.MonkeyPatch) -> Endpoints:
    monkeypatch.setattr(ServerlessFleet, "idle_seconds", 0.2)
    endpoints.put_config("c1", primary=_serverless())
    document = endpoints.create("c1")
    assert document["EndpointStatus"] == "InService", document
    (variant,) = document["ProductionVariants"]
    assert variant["CurrentServerlessConfig"]["MaxConcurrency"] == 2
    assert "CurrentInstanceCount" not in variant
    until(lambda: not _servers(endpoints))
    return endpoints


def test_a_request_wakes_it_and_idleness_puts_it_to_sleep_again(asleep: Endpoints) -> None:
    assert json.loads(asleep.invoke().body)["name"] == "c1-primary"
    assert _servers(asleep) == 1
    until(lambda: not _servers(asleep))
    assert asleep.invoke().body


def test_what_exceeds_the_concurrency_is_throttled_also_during_a_cold_start(asleep: Endpoints) -> None:
    async def three() -> list[Any]:
        requests = [asleep.supervisor.invoke("e", {}, b"sleep 0.3") for _ in range(3)]
        return await asyncio.gather(*requests, return_exceptions=True)

    first, second, third = asleep.loop.run(three())
    assert first.body
    assert second.body
    assert isinstance(third, InvocationError)
    assert (third.status, third.code) == (429, "ThrottlingException")
    assert "MaxConcurrency" in third.message
    assert asleep.invoke().body


def test_four_megabytes_are_the_limit(asleep: Endpoints) -> None:
    assert asleep.invoke(b"x" * MAX_BODY_BYTES).body
    with pytest.raises(InvocationError) as refused:
        asleep.invoke(b"x" * (MAX_BODY_BYTES + 1))
    assert refused.value.status == 413


def test_provisioned_concurrency_stays_warm_and_can_be_changed(
    endpoints: Endpoints, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ServerlessFleet, "idle_seconds", 0.1)
    endpoints.put_config("c1", primary=_serverless(ProvisionedConcurrency=1))
    endpoints.create("c1")
    desired = [{"VariantName": "primary", "ServerlessUpdateConfig": {"MaxConcurrency": 3, "ProvisionedConcurrency": 2}}]
    change = {"EndpointStatus": "Updating", "_DesiredWeightsAndCapacities": desired}
    endpoints.store.update("endpoint", "e", lambda document: document.update(change))
    endpoints.supervisor.update_weights("e")
    (variant,) = endpoints.settled()["ProductionVariants"]
    assert variant["CurrentServerlessConfig"]["MaxConcurrency"] == 3
    assert _servers(endpoints) == 2


def test_a_sleeping_endpoint_is_updated_and_deleted(asleep: Endpoints) -> None:
    asleep.put_config("c2", primary=_serverless())
    asleep.update("c2")
    assert asleep.settled()["EndpointConfigName"] == "c2"
    assert json.loads(asleep.invoke().body)["name"] == "c2-primary"
    asleep.supervisor.delete("e")
    until(lambda: not list(asleep.store.list("endpoint")))


def test_a_model_that_does_not_start_fails_the_endpoint(endpoints: Endpoints) -> None:
    endpoints.images.add("broken", "raise SystemExit('no weights here')")
    endpoints.put_config("c1", primary={"image": "broken", **_serverless()})
    document = endpoints.create("c1")
    assert document["EndpointStatus"] == "Failed"
    assert "no weights here" in document["FailureReason"]


def test_a_cold_start_that_fails_is_a_model_error(asleep: Endpoints, monkeypatch: pytest.MonkeyPatch) -> None:
    asleep.images.add("broken", "raise SystemExit('lost its weights')")
    (variant,) = asleep.supervisor.serving("e")
    working, variant.image = variant.image, asleep.images.resolve("broken")
    with pytest.raises(InvocationError) as failed:
        asleep.invoke()
    assert failed.value.code == "ModelError"
    assert "lost its weights" in failed.value.message
    variant.image = working
    assert asleep.invoke().body
