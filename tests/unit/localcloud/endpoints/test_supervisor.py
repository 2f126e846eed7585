"""Endpoints through their lives, with real server processes."""

import asyncio
import json
import os
import signal

import pytest

from localcloud.sagemaker.endpoints.invocation import InvocationError
from localcloud.sagemaker.endpoints.server_address import ServerAddress
from tests.unit.localcloud.endpoints.conftest import SERVER, Endpoints, until

ALL_AT_ONCE = {
    "BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0}}
}


def _answer(result) -> dict:
    return json.loads(result.body)


def test_a_healthy_server_makes_the_endpoint_in_service(endpoints: Endpoints) -> None:
    endpoints.put_config("c1", primary={"InitialInstanceCount": 2, "InitialVariantWeight": 3.0})

    document = endpoints.create("c1")

    assert document["EndpointStatus"] == "InService"
    assert "FailureReason" not in document
    assert "_TargetConfig" not in document
    (variant,) = document["ProductionVariants"]
    assert variant["VariantName"] == "primary"
    assert (variant["CurrentInstanceCount"], variant["DesiredInstanceCount"]) == (2, 2)
    assert (variant["CurrentWeight"], variant["DesiredWeight"]) == (3.0, 3.0)
    (image,) = variant["DeployedImages"]
    assert image["SpecifiedImage"] == "server"
    assert image["ResolvedImage"] == "server@sha256:" + "0" * 64


def test_the_container_is_started_as_sagemaker_starts_it(endpoints: Endpoints) -> None:
    endpoints.put_config("c1", primary={})
    endpoints.create("c1")

    answer = endpoints.invoke(
        b'{"a": 1}', content_type="text/csv", accept="application/json", x_amzn_sagemaker_custom_attributes="trace=1"
    )

    seen = _answer(answer)
    assert (seen["path"], seen["argv"], seen["size"]) == ("/invocations", ["serve"], 8)
    assert seen["headers"]["content-type"] == "text/csv"
    assert seen["headers"]["accept"] == "application/json"
    assert seen["headers"]["x-amzn-sagemaker-custom-attributes"] == "trace=1"
    assert answer.headers["x-Amzn-Invoked-Production-Variant"] == "primary"
    assert answer.headers["x-amzn-sagemaker-custom-attributes"] == "model_version=c1-primary"


def test_a_server_that_exits_fails_the_endpoint_at_once_and_says_why(endpoints: Endpoints) -> None:
    endpoints.images.add("broken", "raise SystemExit('no weights here')")
    endpoints.put_config("c1", primary={"image": "broken"})

    document = endpoints.create("c1")

    assert document["EndpointStatus"] == "Failed"
    assert document["FailureReason"].startswith(
        "The primary container for production variant primary did not pass the ping health check."
        " Please check CloudWatch logs for this endpoint."
    )
    assert "exit code 1: no weights here" in document["FailureReason"]


def test_a_server_that_never_answers_its_ping_fails_after_its_timeout(endpoints: Endpoints) -> None:
    endpoints.images.add("mute", "import time; time.sleep(600)")
    endpoints.put_config("c1", primary={"image": "mute", "ContainerStartupHealthCheckTimeoutInSeconds": 0.3})
    document = endpoints.create("c1")
    assert document["EndpointStatus"] == "Failed"
    assert "did not pass the ping health check" in document["FailureReason"]


def test_an_unknown_image_is_named(endpoints: Endpoints) -> None:
    endpoints.put_config("c1", primary={"image": "nowhere:1"})
    document = endpoints.create("c1")
    assert document["EndpointStatus"] == "Failed"
    assert "nowhere:1" in document["FailureReason"]


def test_an_update_switches_to_the_new_config_without_losing_a_request(endpoints: Endpoints) -> None:
    endpoints.put_config("c1", primary={})
    endpoints.put_config("c2", primary={"InitialInstanceCount": 2})
    endpoints.create("c1")

    async def load() -> list[str]:
        names: list[str] = []
        endpoints.update("c2", deployment=ALL_AT_ONCE)
        while len(names) < 3000 and names[-20:] != ["c2-primary"] * 20:
            results = await asyncio.gather(*(endpoints.supervisor.invoke("e", {}, b"{}") for _ in range(10)))
            names += [_answer(result)["name"] for result in results]
            await asyncio.sleep(0.01)
        return names

    names = endpoints.loop.run(load())
    document = endpoints.settled()
    assert names[0] == "c1-primary"
    assert names[-1] == "c2-primary"
    assert document["EndpointConfigName"] == "c2"
    assert document["LastDeploymentConfig"] == ALL_AT_ONCE
    assert "PendingDeploymentSummary" not in document


def test_an_unhealthy_update_leaves_the_old_config_serving(endpoints: Endpoints) -> None:
    endpoints.images.add("broken", "raise SystemExit('corrupt model')")
    endpoints.put_config("c1", primary={})
    endpoints.put_config("c2", primary={"image": "broken"})
    endpoints.create("c1")

    endpoints.update("c2")
    document = endpoints.settled()

    assert document["EndpointStatus"] == "InService"
    assert document["EndpointConfigName"] == "c1"
    assert "corrupt model" in document["FailureReason"]
    assert "PendingDeploymentSummary" not in document
    assert _answer(endpoints.invoke())["name"] == "c1-primary"


def test_weights_and_counts_change_in_place(endpoints: Endpoints) -> None:
    endpoints.put_config("c1", a={"InitialVariantWeight": 1.0}, b={"InitialVariantWeight": 1.0})
    endpoints.create("c1")
    desired = [{"VariantName": "a", "DesiredWeight": 0.0}, {"VariantName": "b", "DesiredInstanceCount": 2}]
    change = {"EndpointStatus": "Updating", "_DesiredWeightsAndCapacities": desired}
    endpoints.store.update("endpoint", "e", lambda document: document.update(change))

    endpoints.supervisor.update_weights("e")
    document = endpoints.settled()

    assert [variant["CurrentWeight"] for variant in document["ProductionVariants"]] == [0.0, 1.0]
    assert [variant["CurrentInstanceCount"] for variant in document["ProductionVariants"]] == [1, 2]
    assert "_DesiredWeightsAndCapacities" not in document
    answers = [_answer(endpoints.invoke()) for _ in range(10)]
    assert {answer["name"] for answer in answers} == {"c1-b"}
    assert (
        len({answer["pid"] for answer in answers}) == 2
        or len({str(answer["headers"]["host"]) for answer in answers}) == 2
    )
    assert _answer(endpoints.invoke(x_amzn_sagemaker_target_variant="a"))["name"] == "c1-a"


def test_present_weights_are_retained_when_asked_for(endpoints: Endpoints) -> None:
    endpoints.put_config("c1", primary={"InitialVariantWeight": 5.0, "InitialInstanceCount": 2})
    endpoints.put_config("c2", primary={"InitialVariantWeight": 1.0, "InitialInstanceCount": 1})
    endpoints.create("c1")
    endpoints.update("c2", _RetainVariantProperties=["DesiredWeight"])
    (variant,) = endpoints.settled()["ProductionVariants"]
    assert (variant["CurrentWeight"], variant["CurrentInstanceCount"]) == (5.0, 1)


def test_a_server_that_dies_is_started_again(endpoints: Endpoints) -> None:
    endpoints.put_config("c1", primary={})
    endpoints.create("c1")
    with pytest.raises(InvocationError) as caught:
        endpoints.invoke(b"die")
    assert caught.value.code == "ModelError"
    assert "model process exited" in caught.value.members["OriginalMessage"]

    def answers() -> bool:
        try:
            return bool(_answer(endpoints.invoke()))
        except InvocationError as error:
            assert error.code in ("ServiceUnavailable", "ModelError")
            return False

    until(answers)
    assert endpoints.store.get("endpoint", "e")["EndpointStatus"] == "InService"


def test_delete_ends_the_servers_and_the_document(endpoints: Endpoints) -> None:
    endpoints.put_config("c1", primary={})
    endpoints.create("c1")
    folder = endpoints.config.state_dir / "sagemaker/endpoints"
    endpoints.supervisor.delete("e")
    until(lambda: not list(endpoints.store.list("endpoint")))
    assert not list(folder.rglob("ml"))
    with pytest.raises(InvocationError, match=r"Endpoint e of account \d+ not found\."):
        endpoints.invoke()


def test_the_next_start_brings_back_what_served_though_its_models_are_deleted(endpoints: Endpoints) -> None:
    endpoints.put_config("c1", primary={"InitialInstanceCount": 2})
    endpoints.create("c1")
    endpoints.supervisor.shutdown()
    assert endpoints.store.get("endpoint", "e")["EndpointStatus"] == "InService"
    endpoints.store.delete("model", "c1-primary")
    endpoints.store.delete("endpoint-config", "c1")

    endpoints.supervisor = endpoints.new_supervisor()
    endpoints.supervisor.recover()
    try:
        assert _answer(endpoints.invoke())["name"] == "c1-primary"  # waits for the servers
    finally:
        endpoints.supervisor.shutdown()


def test_an_update_under_way_at_the_end_is_taken_up_again(endpoints: Endpoints) -> None:
    endpoints.put_config("c1", primary={})
    endpoints.images.add("slow", "import time; time.sleep(600)")
    endpoints.put_config("c2", primary={"image": "slow"})
    endpoints.create("c1")
    endpoints.update("c2")
    endpoints.supervisor.shutdown()
    assert endpoints.store.get("endpoint", "e")["EndpointStatus"] == "Updating"

    endpoints.images.add("slow", SERVER)
    endpoints.supervisor = endpoints.new_supervisor()
    endpoints.supervisor.recover()
    try:
        assert endpoints.settled()["EndpointConfigName"] == "c2"
    finally:
        endpoints.supervisor.shutdown()


def test_requests_in_flight_are_answered_before_a_server_is_stopped(endpoints: Endpoints) -> None:
    endpoints.put_config("c1", primary={})
    endpoints.create("c1")

    async def scenario():
        slow = asyncio.ensure_future(endpoints.supervisor.invoke("e", {}, b"sleep 0.5"))
        while not _instances(endpoints)[0].in_flight:
            await asyncio.sleep(0.01)
        endpoints.supervisor.delete("e")
        return await slow

    assert _answer(endpoints.loop.run(scenario()))["name"] == "c1-primary"


def test_a_server_killed_from_outside_comes_back(endpoints: Endpoints) -> None:
    endpoints.put_config("c1", primary={})
    endpoints.create("c1")
    (instance,) = _instances(endpoints)
    first = instance._container.pid
    os.kill(first, signal.SIGKILL)
    until(lambda: instance.ready and instance._container.pid != first)
    assert _answer(endpoints.invoke())["name"] == "c1-primary"


def _instances(endpoints: Endpoints):
    return endpoints.supervisor._fleets["e"].variants[0].instances


HARD_CODED = SERVER.replace('("127.0.0.1", int(os.environ["SAGEMAKER_BIND_TO_PORT"]))', '("0.0.0.0", 8080)')


def _isolate(endpoints: Endpoints, model: str) -> None:
    endpoints.store.update("model", model, lambda document: document.update(EnableNetworkIsolation=True))


@pytest.mark.skipif(not ServerAddress(isolated=True).is_private, reason="this machine forbids network namespaces")
def test_isolated_models_may_all_take_port_8080_and_are_started_again_there(endpoints: Endpoints) -> None:
    assert HARD_CODED != SERVER
    endpoints.images.add("hard-coded", HARD_CODED)
    endpoints.put_config("c1", primary={"image": "hard-coded", "InitialInstanceCount": 2})
    _isolate(endpoints, "c1-primary")

    assert endpoints.create("c1")["EndpointStatus"] == "InService"
    assert [instance.address.port for instance in endpoints.supervisor._instances] == [8080, 8080]
    with pytest.raises(InvocationError):
        endpoints.invoke(b"die")
    until(lambda: all(instance.ready for instance in endpoints.supervisor._instances))
    assert _answer(endpoints.invoke())["name"] == "c1-primary"


def test_a_server_that_takes_8080_on_the_machines_network_is_told_what_to_do(endpoints: Endpoints) -> None:
    # It never answers on the port it was given, as one that knows 8080 only.
    endpoints.images.add("hard-coded", "import time; time.sleep(600)")
    endpoints.put_config("c1", primary={"image": "hard-coded", "ContainerStartupHealthCheckTimeoutInSeconds": 0.3})
    reason = endpoints.create("c1")["FailureReason"]
    assert "SAGEMAKER_BIND_TO_PORT" in reason
    assert "EnableNetworkIsolation" in reason
