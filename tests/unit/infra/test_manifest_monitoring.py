"""`monitoring:` of a manifest."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from infra.manifest_monitoring import Monitoring
from infra.manifest_rollout import AllAtOnce
from infra.monitoring.alarms import rollback_alarms
from infra.names import WorkloadNames


def test_everything_has_a_default() -> None:
    monitoring = Monitoring.model_validate({})
    assert (monitoring.sampling_percent, monitoring.every_minutes, monitoring.window_hours) == (100, 60, 24)
    assert (monitoring.threshold, monitoring.quality, monitoring.instance.type) == (0.2, None, "ml.m5.large")


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"sampling": 10}, "unknown key 'sampling'"),
        ({"sampling_percent": 0}, "greater than or equal to 1"),
        ({"every_minutes": 1}, "greater than or equal to 5"),
        ({"minimum_requests": 500, "baseline_requests": 100}, "nothing would ever be compared"),
        ({"quality": {"metric": "auc", "limit": 0.9}}, "'accuracy' or 'mae'"),
        ({"quality": {"metric": "accuracy", "limit": 90.0}}, "an accuracy is at most 1"),
        ({"instance": {"type": "ml.huge"}}, "is not an instance type of this kind"),
    ],
)
def test_what_cannot_be_is_refused_with_the_reason(document: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Monitoring.model_validate(document)


def test_a_rollout_goes_back_when_live_quality_falls() -> None:
    names = WorkloadNames(stage="dev", workload="digits")
    monitoring = Monitoring.model_validate({"quality": {"metric": "mae", "limit": 2.0}})
    rollout = AllAtOnce(strategy="all_at_once")
    assert rollback_alarms(names, rollout, ["primary"], monitoring) == [
        "slipway-dev-digits-endpoint-5xx",
        "slipway-dev-digits-model-quality",
    ]
    assert rollback_alarms(names, rollout, ["primary"], Monitoring()) == ["slipway-dev-digits-endpoint-5xx"]
