from __future__ import annotations

from typing import Any

import pytest
from aws_cdk import RemovalPolicy
from pydantic import ValidationError

from infra.settings import SettingsError, load_settings


def settings(**context: Any) -> Any:
    return load_settings(context.get)


def test_the_default_stage_is_one_to_throw_away() -> None:
    assert settings().stage == "dev"
    assert settings().removal_policy is RemovalPolicy.DESTROY


def test_production_keeps_its_data_but_not_that_of_a_first_deployment_that_failed() -> None:
    assert settings(stage="prod").removal_policy is RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE


@pytest.mark.parametrize("stage", ["Dev", "my-stage", "stagethatistoolong", "1st", 7])
def test_a_stage_that_does_not_fit_into_names_is_refused(stage: Any) -> None:
    with pytest.raises(SettingsError, match="context value stage="):
        settings(stage=stage)


def test_an_address_that_is_none_is_refused() -> None:
    with pytest.raises(SettingsError, match="context value alert_email='nobody'"):
        settings(alert_email="nobody")


def test_workloads_are_chosen_by_name() -> None:
    assert settings().workloads is None
    assert settings(workloads="b, a").workloads == {"a", "b"}


def test_settings_do_not_change() -> None:
    with pytest.raises(ValidationError):
        settings().stage = "prod"
