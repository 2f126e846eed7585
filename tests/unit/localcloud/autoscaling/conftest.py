"""The service and the scaler on a real store; the endpoints and their metric are numbers that a test sets."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from localcloud.autoscaling.api import AutoScalingApi
from localcloud.autoscaling.scaler import Scaler
from localcloud.autoscaling.service import Service
from localcloud.autoscaling.variants import Variant, names
from localcloud.config import Config
from localcloud.sagemaker.errors import ValidationException
from localcloud.sagemaker.store import Store

RESOURCE = {
    "ServiceNamespace": "sagemaker",
    "ResourceId": "endpoint/e/variant/primary",
    "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
}


@dataclass
class Endpoint:
    """One variant. ``set`` takes effect at once, unless ``stuck``."""

    count: int = 1
    asynchronous: bool = False
    stuck: bool = False
    asked: list[int] = field(default_factory=list)

    def require(self, resource_id: str, minimum: int) -> None:
        names(resource_id)
        if minimum == 0 and not self.asynchronous:
            raise ValidationException("only asynchronous endpoints scale to zero")

    def find(self, _resource_id: str) -> Variant:
        return Variant(count=self.count, desired=self.count, settled=not self.stuck, asynchronous=self.asynchronous)

    def set(self, _resource_id: str, capacity: int) -> None:
        self.asked.append(capacity)
        self.count = capacity


@dataclass
class Monitoring:
    """One metric: minute -> value; and the alarms that were made."""

    alarms: dict[str, dict[str, Any]] = field(default_factory=dict)
    values: dict[float, float] = field(default_factory=dict)

    def arn(self, name: str) -> str:
        return f"arn:alarm:{name}"

    def put(self, alarms: Any) -> None:
        self.alarms |= {alarm["AlarmName"]: alarm for alarm in alarms}

    def delete(self, alarm_names: Any) -> None:
        for name in alarm_names:
            self.alarms.pop(name, None)

    def with_action(self, arn: str) -> list[dict[str, Any]]:
        return [alarm for alarm in self.alarms.values() if arn in alarm["AlarmActions"]]

    def datapoints(self, _alarm: dict[str, Any], _now: float) -> dict[float, float]:
        return self.values


@dataclass
class Cloud:
    """What a test does with the service."""

    store: Store
    endpoint: Endpoint
    monitoring: Monitoring
    now: float = 1_800_000_000.0  # the start of a minute

    def __post_init__(self) -> None:
        config = Config(state_dir=Path("/"), port=1, secret_access_key="none")  # noqa: S106
        service = Service(
            config=config,
            store=self.store,
            variants=self.endpoint,
            alarms=self.monitoring,
            role=lambda _caller: "arn:aws:iam::000000000000:role/aws-service-role/x/y",
            now=lambda: self.now,
        )
        self.api = AutoScalingApi(service)
        self.scaler = Scaler(self.store, self.endpoint, self.monitoring, now=lambda: self.now)

    def call(self, operation: str, **members: Any) -> dict[str, Any]:
        request = members if operation.startswith(("Describe", "Tag", "List", "Untag")) else {**RESOURCE, **members}
        status, _headers, answer = self.api.handle(operation, json.dumps(request).encode(), None)
        return {"status": status, **json.loads(answer)}

    def register(self, minimum: int = 1, maximum: int = 5, **members: Any) -> None:
        assert self.call("RegisterScalableTarget", MinCapacity=minimum, MaxCapacity=maximum, **members)["status"] == 200

    def track(self, target: float = 10.0, **members: Any) -> dict[str, Any]:
        configuration = {
            "TargetValue": target,
            "PredefinedMetricSpecification": {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"},
            **members,
        }
        return self.call(
            "PutScalingPolicy",
            PolicyName="p",
            PolicyType="TargetTrackingScaling",
            TargetTrackingScalingPolicyConfiguration=configuration,
        )

    def minutes(self, *values: float) -> None:
        """So many minutes pass, each with a value of the metric; then the scaler looks."""
        for value in values:
            self.monitoring.values[self.now] = value
            self.now += 60
        self.scaler.tick()

    def activities(self) -> list[dict[str, Any]]:
        return self.call("DescribeScalingActivities", ServiceNamespace="sagemaker")["ScalingActivities"]


@pytest.fixture
def scaling(tmp_path: Path) -> Iterator[Cloud]:
    store = Store(tmp_path / "store.sqlite")
    yield Cloud(store, Endpoint(), Monitoring())
    store.close()
