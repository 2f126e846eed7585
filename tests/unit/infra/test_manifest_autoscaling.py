"""`serving.autoscaling` of a manifest: what Application Auto Scaling would refuse is refused with the reason."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from infra.manifest import Serving
from infra.manifest_autoscaling import Autoscaling

GOOD: dict[str, Any] = {"minimum": 1, "maximum": 4, "invocations_per_instance": 600}


def test_its_defaults_are_application_auto_scalings() -> None:
    found = Serving.model_validate({"instance": {"type": "ml.m5.large"}, "autoscaling": GOOD}).autoscaling
    assert found is not None
    assert (found.scale_out_cooldown_seconds, found.scale_in_cooldown_seconds) == (300, 300)
    found.check_fleet(instance_type="ml.m5.large", count=1, strategy="all_at_once", needed=1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"minimum": 0}, "minimum 0: an endpoint that answers in real time keeps an instance"),
        ({"minimum": 5}, "maximum 4 is below minimum 5"),
        ({"invocations_per_instance": 0}, "greater than or equal to 1"),
        ({"scale_in_cooldown_seconds": -1}, "greater than or equal to 0"),
        ({"target": 5}, "unknown key 'target': allowed: minimum, maximum, invocations_per_instance"),
    ],
)
def test_what_cannot_be_scaled_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError) as error:
        Autoscaling.model_validate({**GOOD, **changes})
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("fleet", "message"),
    [
        ({"instance_type": "ml.t2.medium"}, "does not scale burstable instances like ml.t2.medium"),
        ({"count": 5}, "serving.instance.count 5 is outside of serving.autoscaling: allowed: 1 to 4"),
        (
            {"strategy": "canary", "needed": 2, "count": 2},
            "rollout.strategy 'canary' moves traffic by part of the fleet",
        ),
    ],
)
def test_what_does_not_fit_the_fleet_is_refused(fleet: dict[str, Any], message: str) -> None:
    given = {"instance_type": "ml.m5.large", "count": 1, "strategy": "all_at_once", "needed": 1, **fleet}
    with pytest.raises(ValueError, match="serving") as error:
        Autoscaling.model_validate(GOOD).check_fleet(**given)
    assert message in str(error.value)
