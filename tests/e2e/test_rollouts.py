"""Traffic that moves from one model to the next, on the deployed stack, while a client keeps asking."""

from __future__ import annotations

import json
import shutil
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import yaml

AUTOSCALING = {"minimum": 1, "maximum": 3, "invocations_per_instance": 5, "scale_in_cooldown_seconds": 0}
SERVERLESS = {"memory_mb": 1024, "max_concurrency": 20, "network_isolation": False}
STRATEGIES = {
    "split_mean": ({"strategy": "ab", "steps": [30], "watch_seconds": 1}, 1, AUTOSCALING),
    "shadow_mean": ({"strategy": "shadow", "mirror_percent": 100, "watch_seconds": 1}, 1, None),
    "canary_mean": ({"strategy": "canary", "size_percent": 50, "bake_seconds": 1}, 2, None),
    "serverless_mean": ({"strategy": "all_at_once"}, 1, None),
    "rolling_mean": ({"strategy": "rolling", "batch_percent": 50, "interval_seconds": 1}, 2, None),
}
LIMIT_SECONDS = 120


@pytest.fixture(scope="module")
def deployed(slipway):
    """The README's workload under other names, which differ in their manifest's rollout only."""
    for name, (rollout, instances, autoscaling) in STRATEGIES.items():
        for folder in ("training_code", "inference_code"):
            shutil.copytree(slipway.project / folder / "nearest_mean", slipway.project / folder / name)
        path = slipway.project / "training_code" / name / "workload.yaml"
        manifest = yaml.safe_load(path.read_text())
        manifest |= {"name": name, "rollout": rollout}
        manifest["serving"]["instance"]["count"] = instances
        if name == "serverless_mean":
            manifest["serving"]["serverless"] = SERVERLESS
        if autoscaling:
            manifest["serving"]["autoscaling"] = autoscaling
        path.write_text(yaml.safe_dump(manifest))
    slipway.run("up", *STRATEGIES)
    yield slipway
    for name in STRATEGIES:
        for folder in ("training_code", "inference_code"):
            shutil.rmtree(slipway.project / folder / name)


class Client:
    """Asks the endpoint again and again; counts who answered, and what failed."""

    def __init__(self, slipway, workload: str) -> None:
        self._runtime = slipway.client("sagemaker-runtime")
        self._endpoint = slipway.descriptor(workload)["endpoint_name"]
        self.answers: Counter[str] = Counter()
        self.failures: list[str] = []
        self._over = threading.Event()

    def ask(self) -> None:
        body = json.dumps({"instances": [0.1]})
        while not self._over.wait(0.02):
            try:
                answer = self._runtime.invoke_endpoint(
                    EndpointName=self._endpoint, ContentType="application/json", Body=body
                )
            except Exception as error:
                self.failures.append(str(error))
            else:
                self.answers[answer["InvokedProductionVariant"]] += 1

    def stop(self) -> None:
        self._over.set()


@contextmanager
def asking(slipway, workload: str) -> Iterator[Client]:
    client = Client(slipway, workload)
    thread = threading.Thread(target=client.ask, daemon=True)
    thread.start()
    try:
        yield client
    finally:
        client.stop()
        thread.join(LIMIT_SECONDS)
    assert not thread.is_alive()


def train(slipway, workload: str, data) -> str:
    return slipway.json("train", workload, "--data", str(data), "--json")["model_version"]


def variants(slipway, workload: str) -> dict[str, tuple[str, float]]:
    """Production variant -> model version and weight."""
    status = slipway.json("status", "--json")
    (endpoint,) = [item["endpoint"] for item in status["workloads"] if item["name"] == workload]
    return {item["name"]: (item["model_version"], item["weight"]) for item in endpoint["variants"]}


@pytest.mark.parametrize("workload", ["shadow_mean", "canary_mean", "rolling_mean", "serverless_mean"])
def test_a_healthy_rollout_loses_no_request(deployed, numbers, workload):
    first = train(deployed, workload, numbers)
    with asking(deployed, workload) as client:
        second = train(deployed, workload, numbers)
    assert client.failures == []
    assert set(client.answers) == {"primary"} and client.answers["primary"] > 20
    assert (first, second) == ("1", "2")
    assert variants(deployed, workload) == {"primary": ("2", 1.0)}
    if workload == "serverless_mean":
        name = deployed.descriptor(workload)["endpoint_name"]
        (variant,) = deployed.client("sagemaker").describe_endpoint(EndpointName=name)["ProductionVariants"]
        assert variant["CurrentServerlessConfig"] == {"MemorySizeInMB": 1024, "MaxConcurrency": 20}
        assert deployed.predict(workload, {"instances": [0.1]}).body["predictions"] == ["low"]


def scaled(slipway, workload: str) -> dict[str, tuple[int, int, list[str], list[str]]]:
    """Scaled variant -> bounds, policies, scheduled actions."""
    autoscaling = slipway.client("application-autoscaling")
    prefix = f"endpoint/{slipway.descriptor(workload)['endpoint_name']}/variant/"
    found = {}
    for target in autoscaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]:
        if target["ResourceId"].startswith(prefix):
            identity = {name: target[name] for name in ("ServiceNamespace", "ResourceId", "ScalableDimension")}
            policies = autoscaling.describe_scaling_policies(**identity)["ScalingPolicies"]
            actions = autoscaling.describe_scheduled_actions(**identity)["ScheduledActions"]
            names = [policy["PolicyName"] for policy in policies], [action["ScheduledActionName"] for action in actions]
            variant = target["ResourceId"].removeprefix(prefix)
            found[variant] = (target["MinCapacity"], target["MaxCapacity"], *names)
    return found


def measured(slipway, workload: str, variant: str, minutes: range, per_instance: float) -> None:
    """What that many minutes ago left in CloudWatch, in the place of waiting for them."""
    endpoint = slipway.descriptor(workload)["endpoint_name"]
    dimensions = [{"Name": "EndpointName", "Value": endpoint}, {"Name": "VariantName", "Value": variant}]
    now = time.time() // 60 * 60
    data = [
        {
            "MetricName": "InvocationsPerInstance",
            "Dimensions": dimensions,
            "Value": per_instance,
            "Timestamp": now - 60 * minute,
        }
        for minute in minutes
    ]
    slipway.client("cloudwatch").put_metric_data(Namespace="AWS/SageMaker", MetricData=data)


def instances(slipway, workload: str) -> dict[str, int]:
    sagemaker, name = slipway.client("sagemaker"), slipway.descriptor(workload)["endpoint_name"]
    deadline = time.monotonic() + LIMIT_SECONDS
    while (endpoint := sagemaker.describe_endpoint(EndpointName=name))["EndpointStatus"] != "InService":
        assert time.monotonic() < deadline, endpoint["EndpointStatus"]
        time.sleep(0.1)
    return {variant["VariantName"]: variant["CurrentInstanceCount"] for variant in endpoint["ProductionVariants"]}


def await_instances(slipway, workload: str, wanted: dict[str, int]) -> None:
    deadline = time.monotonic() + LIMIT_SECONDS
    while instances(slipway, workload) != wanted:
        assert time.monotonic() < deadline, instances(slipway, workload)
        time.sleep(0.2)


OURS = "slipway-invocations-per-instance"


def scale_in_and_out(slipway, workload: str) -> None:
    """Two instances of `blue`: quiet takes one away, load brings two more."""
    sagemaker, name = slipway.client("sagemaker"), slipway.descriptor(workload)["endpoint_name"]
    desired = [{"VariantName": "blue", "DesiredInstanceCount": 2}]
    sagemaker.update_endpoint_weights_and_capacities(EndpointName=name, DesiredWeightsAndCapacities=desired)
    await_instances(slipway, workload, {"blue": 2})
    measured(slipway, workload, "blue", range(1, 20), 0.5)
    await_instances(slipway, workload, {"blue": 1})
    measured(slipway, workload, "blue", range(5), 50.0)
    await_instances(slipway, workload, {"blue": 3})


def scaled_at_night(slipway, workload: str, variant: str) -> None:
    """What a person adds to the scalable target."""
    slipway.client("application-autoscaling").put_scheduled_action(
        ServiceNamespace="sagemaker",
        ResourceId=f"endpoint/{slipway.descriptor(workload)['endpoint_name']}/variant/{variant}",
        ScalableDimension="sagemaker:variant:DesiredInstanceCount",
        ScheduledActionName="night",
        Schedule="cron(0 20 * * ? *)",
        StartTime=time.time() + 86_400,
        ScalableTargetAction={"MinCapacity": 1},
    )


def test_two_models_share_the_traffic_until_somebody_decides(deployed, numbers):
    """The manifest scales both; the size, and what a person added, go along with whoever serves."""
    train(deployed, "split_mean", numbers)
    assert scaled(deployed, "split_mean") == {"blue": (1, 3, [OURS], [])}
    scale_in_and_out(deployed, "split_mean")
    scaled_at_night(deployed, "split_mean", "blue")
    with asking(deployed, "split_mean") as client:
        train(deployed, "split_mean", numbers)
        assert variants(deployed, "split_mean") == {"blue": ("1", 70.0), "green": ("2", 30.0)}
        assert instances(deployed, "split_mean") == {"blue": 3, "green": 3}
        target = (1, 3, [OURS], ["night"])
        assert scaled(deployed, "split_mean") == {"blue": target, "green": target}
        moved = deployed.json("traffic", "split_mean", "blue=10,green=90", "--json")
        assert moved["outcome"] == "rolled_out"
        assert variants(deployed, "split_mean") == {"blue": ("1", 10.0), "green": ("2", 90.0)}
        promoted = deployed.json("promote", "split_mean", "--json")
        assert (promoted["model_version"], variants(deployed, "split_mean")) == ("2", {"green": ("2", 1.0)})
        assert instances(deployed, "split_mean") == {"green": 3}
        assert scaled(deployed, "split_mean") == {"green": target}
        back = deployed.json("rollback", "split_mean", "--json")
        assert back["model_version"] == "1"
        assert {version for version, _ in variants(deployed, "split_mean").values()} == {"1"}
    assert client.failures == []
    assert client.answers["blue"] > 0 and client.answers["green"] > 0
    refused = deployed.run("promote", "split_mean", ok=False)
    assert refused.returncode == 1 and "version 1 has all traffic" in refused.stderr
