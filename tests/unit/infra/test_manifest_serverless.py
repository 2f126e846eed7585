"""`serving.serverless` of a manifest: what SageMaker does not combine with it is refused with the reason."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from infra.manifest_serverless import Serverless

GOOD: dict[str, Any] = {"memory_mb": 2048, "max_concurrency": 5, "network_isolation": False}
ALONE: dict[str, Any] = {"strategy": "all_at_once", "count": 1, "scaled": False, "monitored": False}


def test_it_says_that_it_gives_network_isolation_up() -> None:
    found = Serverless.model_validate(GOOD)
    assert found.provisioned_concurrency is None
    found.check(**ALONE)
    unsaid = {name: value for name, value in GOOD.items() if name != "network_isolation"}
    for document in (unsaid, {**GOOD, "network_isolation": True}):
        with pytest.raises(ValidationError, match="network_isolation"):
            Serverless.model_validate(document)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"memory_mb": 1500}, "1024, 2048, 3072, 4096, 5120 or 6144"),
        ({"max_concurrency": 201}, "less than or equal to 200"),
        ({"provisioned_concurrency": 6}, "provisioned_concurrency 6 is above max_concurrency 5"),
    ],
)
def test_what_sagemaker_has_not_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError) as error:
        Serverless.model_validate({**GOOD, **changes})
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("others", "message"),
    [
        ({"strategy": "canary"}, "rollout.strategy 'canary' needs a fleet or a second variant"),
        ({"strategy": "ab"}, "rollout.strategy 'ab' needs a fleet or a second variant"),
        ({"count": 2}, "serving.instance.count 2 has no meaning with serving.serverless"),
        ({"scaled": True}, "serving.autoscaling has no meaning with serving.serverless"),
        ({"monitored": True}, "monitoring: SageMaker captures no requests of serverless endpoints"),
    ],
)
def test_what_does_not_go_together_is_refused(others: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match="serverless") as error:
        Serverless.model_validate(GOOD).check(**{**ALONE, **others})
    assert message in str(error.value)
