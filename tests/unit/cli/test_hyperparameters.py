"""`--set name=value`."""

from __future__ import annotations

import pytest

from cli import hyperparameters
from cli.errors import CliError

KNOWN = {
    "epochs": {"type": "int", "default": 6, "minimum": 1, "maximum": 100},
    "rate": {"type": "float", "default": 0.001, "minimum": 0.0, "maximum": 1.0},
    "network": {"type": "str", "default": "cnn", "choices": ["cnn", "vgg"]},
    "augment": {"type": "bool", "default": False},
    "note": {"type": "str", "default": None},
}


def test_values_stay_the_strings_that_sagemaker_takes() -> None:
    settings = ["epochs=3", "rate=1e-4", "network=vgg", "augment=true", "note=a=b"]
    assert hyperparameters.parse(settings, KNOWN) == {
        "epochs": "3",
        "rate": "1e-4",
        "network": "vgg",
        "augment": "true",
        "note": "a=b",
    }


@pytest.mark.parametrize(
    "setting",
    ["epochs=0", "epochs=101", "epochs=3.5", "epochs=", "rate=nan", "rate=inf", "rate=2", "network=rnn", "augment=1"],
)
def test_a_value_that_is_not_allowed_is_refused_with_what_is(setting: str) -> None:
    with pytest.raises(CliError) as raised:
        hyperparameters.parse([setting], KNOWN)
    name, value = setting.split("=")
    assert repr(value) in raised.value.message
    assert raised.value.hint.startswith(f"{name} is ")


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(CliError) as raised:
        hyperparameters.parse(["epoch=3"], KNOWN)
    assert "'epoch'" in raised.value.message
    assert "epochs" in raised.value.hint


def test_a_name_given_twice_is_refused_with_both_values() -> None:
    with pytest.raises(CliError, match="'3' and '4'"):
        hyperparameters.parse(["epochs=3", "epochs=4"], KNOWN)


def test_a_setting_without_a_value_is_refused() -> None:
    with pytest.raises(CliError, match="name=value"):
        hyperparameters.parse(["epochs"], KNOWN)


def test_limits_and_choices_are_described() -> None:
    assert hyperparameters.describe(KNOWN["epochs"]) == "a whole number of at least 1 and at most 100 (default 6)"
    assert hyperparameters.describe(KNOWN["network"]) == "one of cnn, vgg (default cnn)"
