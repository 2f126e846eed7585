"""Updates with deployment guardrails, with real servers: what serves meanwhile, what ends them, what is left."""

import asyncio
import json
import threading
from collections.abc import Callable
from typing import Any

import pytest

from localcloud.sagemaker.endpoints.invocation import InvocationError
from tests.unit.localcloud.endpoints.conftest import SERVER, Endpoints, until

_HALF = {"Type": "CAPACITY_PERCENT", "Value": 50}
_LONG = 3600
STRATEGIES = {
    "none": None,
    "all at once": {"Type": "ALL_AT_ONCE"},
    "canary": {"Type": "CANARY", "CanarySize": _HALF},
    "linear": {"Type": "LINEAR", "LinearStepSize": _HALF},
    "rolling": {},
}


def deployment(strategy: str, *, wait: float = 0, **policy: Any) -> dict[str, Any] | None:
    routing = STRATEGIES[strategy]
    if routing is None:
        return None
    alarms = {"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "errors"}]}}
    if strategy == "rolling":
        return {"RollingUpdatePolicy": {"MaximumBatchSize": _HALF, "WaitIntervalInSeconds": wait, **policy}} | alarms
    routed = {"TrafficRoutingConfiguration": {**routing, "WaitIntervalInSeconds": wait}, **policy}
    return {"BlueGreenUpdatePolicy": routed} | alarms


def names(endpoints: Endpoints, requests: int = 20) -> set[str]:
    return {json.loads(endpoints.invoke().body)["name"] for _ in range(requests)}


def baking(endpoints: Endpoints) -> Callable[[], bool]:
    def stage() -> bool:
        pending = endpoints.store.get("endpoint", "e").get("PendingDeploymentSummary", {})
        variants = pending.get("ProductionVariants", [{}])
        return variants[0].get("VariantStatus", [{}])[0].get("Status") == "Baking"

    return stage


@pytest.fixture
def served(endpoints: Endpoints) -> Endpoints:
    """Config c1 serves with two instances; c2 is as good."""
    endpoints.put_config("c1", primary={"InitialInstanceCount": 2})
    endpoints.put_config("c2", primary={"InitialInstanceCount": 2})
    endpoints.create("c1")
    return endpoints


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_no_request_fails_during_a_healthy_update(served: Endpoints, strategy: str) -> None:
    async def client(done: asyncio.Event) -> list[str]:
        answers, last = [], False
        while not last:
            last = done.is_set()  # one request more, which the new config answers
            answers.append(json.loads((await served.supervisor.invoke("e", {}, b"sleep 0.005")).body)["name"])
        return answers

    async def load() -> list[str]:
        done = asyncio.Event()
        clients = [asyncio.ensure_future(client(done)) for _ in range(8)]
        served.update("c2", deployment=deployment(strategy, wait=0.3))
        await asyncio.to_thread(served.settled)
        done.set()
        return [name for answers in await asyncio.gather(*clients) for name in answers]

    answers = served.loop.run(load())
    document = served.settled()
    assert {"c1-primary", "c2-primary"} == set(answers)
    assert (document["EndpointStatus"], document["EndpointConfigName"]) == ("InService", "c2")
    assert "FailureReason" not in document
    assert names(served) == {"c2-primary"}


@pytest.mark.parametrize("strategy", [name for name in STRATEGIES if name != "none"])
def test_an_alarm_while_baking_brings_the_old_config_back(served: Endpoints, strategy: str) -> None:
    seen: list[str] = []
    served.store.subscribe(lambda kind, before, after: seen.append((after or {}).get("EndpointStatus", "")))
    served.update("c2", deployment=deployment(strategy, wait=_LONG))
    until(baking(served))
    pending = served.store.get("endpoint", "e")["PendingDeploymentSummary"]["ProductionVariants"]
    during = names(served)
    served.alarms.state["errors"] = "ALARM"
    document = served.settled()

    assert pending[0]["VariantName"] == "primary"
    assert "c2-primary" in during
    assert (document["EndpointStatus"], document["EndpointConfigName"]) == ("InService", "c1")
    assert "[errors]" in document["FailureReason"]
    assert "PendingDeploymentSummary" not in document
    assert document["ProductionVariants"][0]["CurrentInstanceCount"] == 2
    assert names(served) == {"c1-primary"}
    assert served.store.flush(10)
    since = seen[seen.index("Updating") :]
    assert list(dict.fromkeys(since)) == ["Updating", "RollingBack", "InService"]


def test_an_alarm_that_rings_already_ends_the_update_before_anything_is_started(served: Endpoints) -> None:
    served.images.add("never", "raise SystemExit('started')")
    served.put_config("c3", primary={"image": "never"})
    served.alarms.state["errors"] = "ALARM"
    served.update("c3", deployment=deployment("canary", wait=_LONG))
    document = served.settled()
    assert "[errors]" in document["FailureReason"]
    assert (document["EndpointStatus"], document["EndpointConfigName"]) == ("InService", "c1")


@pytest.mark.parametrize("strategy", ["all at once", "rolling"])
def test_a_deployment_ends_at_its_maximum_execution_time(served: Endpoints, strategy: str) -> None:
    served.update("c2", deployment=deployment(strategy, wait=_LONG, MaximumExecutionTimeoutInSeconds=0.5))
    document = served.settled()
    assert "MaximumExecutionTimeoutInSeconds (0.5)" in document["FailureReason"]
    assert (document["EndpointStatus"], document["EndpointConfigName"]) == ("InService", "c1")
    assert names(served) == {"c1-primary"}


@pytest.mark.parametrize("strategy", ["all at once", "rolling"])
def test_a_server_that_is_still_starting_is_given_up_at_the_maximum_execution_time(
    served: Endpoints, strategy: str
) -> None:
    served.images.add("mute", "import time; time.sleep(600)")
    served.put_config("c3", primary={"image": "mute", "InitialInstanceCount": 2})
    served.update("c3", deployment=deployment(strategy, MaximumExecutionTimeoutInSeconds=0.5))
    assert "MaximumExecutionTimeoutInSeconds" in served.settled()["FailureReason"]
    assert names(served) == {"c1-primary"}


def test_the_old_fleet_is_kept_for_the_termination_wait(served: Endpoints) -> None:
    old = served.supervisor._fleets["e"].variants[0].instances
    served.update("c2", deployment=deployment("all at once", TerminationWaitInSeconds=_LONG))
    until(lambda: names(served, 1) == {"c2-primary"})
    assert served.store.get("endpoint", "e")["EndpointStatus"] == "Updating"
    assert all(instance.ready for instance in old)


def test_a_rolling_update_replaces_instances_batch_by_batch(served: Endpoints) -> None:
    old = served.supervisor._fleets["e"].variants[0]
    served.update("c2", deployment=deployment("rolling", wait=_LONG))
    until(baking(served))
    document = served.store.get("endpoint", "e")
    assert len(old.instances) == 1
    assert document["ProductionVariants"][0]["CurrentInstanceCount"] == 1
    assert document["PendingDeploymentSummary"]["ProductionVariants"][0]["CurrentInstanceCount"] == 1
    answered = [json.loads(served.invoke().body)["name"] for _ in range(20)]
    assert answered.count("c1-primary") == answered.count("c2-primary") == 10


def test_a_rolling_update_that_fails_at_its_first_batch_leaves_the_old_fleet_whole(served: Endpoints) -> None:
    served.images.add("broken", "raise SystemExit('corrupt model')")
    served.put_config("c3", primary={"image": "broken", "InitialInstanceCount": 2})
    served.update("c3", deployment=deployment("rolling"))
    document = served.settled()
    assert document["EndpointStatus"] == "InService"
    assert "corrupt model" in document["FailureReason"]
    assert document["ProductionVariants"][0]["CurrentInstanceCount"] == 2


@pytest.fixture
def mixed(endpoints: Endpoints, tmp_path) -> Endpoints:
    """The rollback of a rolling update failed: one instance of c1 and one of c2 serve."""
    broken = tmp_path / "broken"
    endpoints.images.add("old", f"import os\nif os.path.exists({str(broken)!r}): raise SystemExit('gone')\n{SERVER}")
    endpoints.put_config("c1", primary={"image": "old", "InitialInstanceCount": 2}, copy={"shadow": True})
    endpoints.put_config("c2", primary={"InitialInstanceCount": 2}, copy={"shadow": True})
    endpoints.create("c1")
    endpoints.update("c2", deployment=deployment("rolling", wait=_LONG))
    until(baking(endpoints))
    broken.touch()
    endpoints.alarms.state["errors"] = "ALARM"
    assert endpoints.settled()["EndpointStatus"] == "UpdateRollbackFailed"
    endpoints.alarms.state.clear()
    return endpoints


def test_an_old_fleet_that_cannot_come_back_leaves_a_mixture_that_serves(mixed: Endpoints) -> None:
    document = mixed.store.get("endpoint", "e")
    assert "[errors]" in document["FailureReason"]
    assert "gone" in document["FailureReason"]
    (variant,) = document["ProductionVariants"]
    assert (variant["CurrentInstanceCount"], variant["CurrentWeight"]) == (2, 1.0)
    assert names(mixed) == {"c1-primary", "c2-primary"}
    ready = [instance for instance in mixed.supervisor._instances if instance.ready]
    assert len(ready) == 3  # and one shadow


@pytest.mark.parametrize("strategy", ["none", "rolling"])
def test_another_update_repairs_a_mixture(mixed: Endpoints, strategy: str) -> None:
    mixed.update("c2", deployment=deployment(strategy))
    until(lambda: mixed.store.get("endpoint", "e")["EndpointStatus"] == "InService")
    document = mixed.store.get("endpoint", "e")
    assert document["EndpointConfigName"] == "c2"
    assert "FailureReason" not in document
    assert names(mixed) == {"c2-primary"}
    # Invoking also lets copies for the shadow end, for which the old fleet waits.
    until(lambda: names(mixed, 1) and len([i for i in mixed.supervisor._instances if i.ready]) == 3)


def test_a_mixture_comes_back_after_a_restart_and_can_be_deleted(mixed: Endpoints, tmp_path) -> None:
    mixed.supervisor.shutdown()
    (tmp_path / "broken").unlink()
    mixed.supervisor = mixed.new_supervisor()
    mixed.supervisor.recover()
    try:
        assert names(mixed) == {"c1-primary", "c2-primary"}
        assert mixed.store.get("endpoint", "e")["EndpointStatus"] == "UpdateRollbackFailed"
        mixed.supervisor.delete("e")
        # Requests' copies for the shadow end only while the loop runs, and the servers wait for them.
        until(lambda: mixed.loop.run(asyncio.sleep(0.01)) or not list(mixed.store.list("endpoint")))
    finally:
        mixed.supervisor.shutdown()


def test_a_server_that_dies_during_an_update_is_started_again(served: Endpoints) -> None:
    served.update("c2", deployment=deployment("all at once", wait=_LONG))
    until(baking(served))
    with pytest.raises(InvocationError, match="model process exited"):
        served.invoke(b"die")

    def the_other_instance_answers() -> bool:
        try:
            return names(served) == {"c2-primary"}
        except InvocationError:  # the socket of one that is ending takes a connection until it is gone
            return False

    until(the_other_instance_answers)
    served.alarms.state["errors"] = "ALARM"
    assert served.settled()["EndpointConfigName"] == "c1"


def test_weights_that_need_an_instance_that_does_not_come_up_change_nothing(endpoints: Endpoints, tmp_path) -> None:
    full = tmp_path / "full"
    endpoints.images.add("one", f"import os\nif os.path.exists({str(full)!r}): raise SystemExit('full')\n{SERVER}")
    endpoints.put_config("c1", a={}, b={"image": "one"})
    endpoints.create("c1")
    full.touch()
    desired = [{"VariantName": "a", "DesiredInstanceCount": 2}, {"VariantName": "b", "DesiredInstanceCount": 2}]
    change = {"EndpointStatus": "Updating", "_DesiredWeightsAndCapacities": desired}
    endpoints.store.update("endpoint", "e", lambda document: document.update(change))
    endpoints.supervisor.update_weights("e")
    document = endpoints.settled()
    assert "full" in document["FailureReason"]
    assert [variant["CurrentInstanceCount"] for variant in document["ProductionVariants"]] == [1, 1]


def test_a_shadow_gets_copies_whose_answers_and_failures_nobody_sees(endpoints: Endpoints) -> None:
    copies = []
    endpoints.supervisor._invoker._mirror._record = copies.append
    endpoints.put_config("c1", primary={}, copy={"shadow": True, "InitialVariantWeight": 0.5})
    document = endpoints.create("c1")
    assert [variant["VariantName"] for variant in document["ShadowProductionVariants"]] == ["copy"]
    assert [variant["VariantName"] for variant in document["ProductionVariants"]] == ["primary"]

    async def load() -> list[str]:
        answers = [json.loads((await endpoints.supervisor.invoke("e", {}, b"{}")).body)["name"] for _ in range(20)]
        shadow = endpoints.supervisor._fleets["e"].shadows[0]
        await asyncio.gather(*endpoints.supervisor._invoker._mirror._under_way)
        await asyncio.to_thread(shadow.stop, drain_seconds=0)
        answers += [json.loads((await endpoints.supervisor.invoke("e", {}, b"{}")).body)["name"] for _ in range(10)]
        await asyncio.gather(*endpoints.supervisor._invoker._mirror._under_way)
        return answers

    assert set(endpoints.loop.run(load())) == {"c1-primary"}
    assert [(copy.variant, copy.model_status) for copy in copies] == [("copy", 200)] * 10 + [("copy", None)] * 5
    with pytest.raises(InvocationError, match="Variant copy not found"):
        endpoints.invoke(x_amzn_sagemaker_target_variant="copy")


def test_a_server_that_never_answers_its_ping_does_not_end_the_old_one(served: Endpoints) -> None:
    served.images.add("mute", "import time; time.sleep(600)")
    served.put_config("c3", primary={"image": "mute", "ContainerStartupHealthCheckTimeoutInSeconds": 0.3})
    served.update("c3")
    document = served.settled()
    assert (document["EndpointStatus"], document["EndpointConfigName"]) == ("InService", "c1")
    assert "did not pass the ping health check" in document["FailureReason"]
    assert names(served) == {"c1-primary"}


def test_fifty_clients_at_once_are_all_answered_and_instances_share_them(endpoints: Endpoints) -> None:
    endpoints.put_config("c1", primary={"InitialInstanceCount": 2})
    endpoints.create("c1")

    async def load() -> list[int]:
        results = await asyncio.gather(*(endpoints.supervisor.invoke("e", {}, b"sleep 0.02") for _ in range(50)))
        return [json.loads(result.body)["headers"]["host"] for result in results]

    hosts = endpoints.loop.run(load())
    assert sorted(hosts.count(host) for host in set(hosts)) == [25, 25]
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("endpoint-e")]
