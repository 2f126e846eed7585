"""Calls that AWS refuses: throttled ones are made again, denied ones are not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from plan_training.handler import handler as plan_training
from shared.clients import client
from shared.errors import Throttled

from infra.states import THROTTLED_RETRY
from tests.support.embedded_cloud import EmbeddedCloud, command, unique

EVENT = Path(__file__).parents[2] / "events" / "train_input.json"


@pytest.fixture
def throttle(cloud: EmbeddedCloud) -> Any:
    """Lets SageMaker refuse a share of its calls, until the test is over."""

    def begin(share: float) -> None:
        result = command("throttle", "--share", str(share), "--seconds", "600", "--state", str(cloud.state_dir))
        assert result.returncode == 0, result.stderr

    yield begin
    begin(0)


@pytest.fixture
def event(stage: Any) -> dict[str, Any]:
    document = json.loads(EVENT.read_text())
    for item in document["objects"]:
        item["version_id"] = stage.put(item["key"])
    document.pop("fencing_token", None)
    return document


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5])
def test_a_function_gets_over_throttling(stage: Any, context: Any, event: Any, throttle: Any, share: float) -> None:
    """As its state has it tried again: without the pauses, which make it only likelier."""
    expected = plan_training(event, context)
    throttle(share)
    for _ in range(1 + THROTTLED_RETRY["MaxAttempts"]):
        try:
            assert plan_training(event, context) == expected
            break
        except Throttled:
            continue
    else:
        pytest.fail("every try was throttled")


def test_a_function_tells_throttling_by_its_name(stage: Any, context: Any, event: Any, throttle: Any) -> None:
    throttle(1)
    with pytest.raises(Throttled, match="Rate exceeded") as refused:
        plan_training(event, context)
    assert refused.value.__cause__.response["ResponseMetadata"]["RetryAttempts"] == 3


def test_a_denied_call_is_made_once(
    cloud: EmbeddedCloud, stage: Any, context: Any, event: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    iam, name = cloud.client("iam"), unique("nobody")
    iam.create_user(UserName=name)
    keys = iam.create_access_key(UserName=name)["AccessKey"]
    session = boto3.Session(
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        region_name=cloud.region,
    )
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", session)
    client.cache_clear()
    with pytest.raises(ClientError, match="not authorized to perform: ssm:GetParameter") as denied:
        plan_training(event, context)
    assert denied.value.response["ResponseMetadata"]["RetryAttempts"] == 0
