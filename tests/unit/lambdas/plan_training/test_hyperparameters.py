from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plan_training.hyperparameters import InvalidHyperparameter, resolve, to_text

SPECS: dict[str, Any] = {
    "epochs": {"type": "int", "default": 6, "minimum": 1, "maximum": 100},
    "rate": {"type": "float", "default": 1e-7, "minimum": 0.0, "maximum": 1.0},
    "network": {"type": "str", "default": "cnn", "choices": ["cnn", "vgg"]},
    "layers": {"type": "int", "default": 2, "choices": [2, 4]},
    "augment": {"type": "bool", "default": False},
    "resume": {"type": "str", "default": None},
}


def test_defaults_are_filled_in_as_strings_and_none_stays_out() -> None:
    assert resolve(SPECS, {}) == {
        "epochs": "6",
        "rate": "1e-07",
        "network": "cnn",
        "layers": "2",
        "augment": "false",
    }


def test_overrides_win_and_are_written_in_one_form() -> None:
    given_values = {"epochs": "+03", "rate": ".5", "network": "vgg", "layers": "4", "augment": "TRUE", "resume": "last"}
    assert resolve(SPECS, given_values) == {
        "epochs": "3",
        "rate": "0.5",
        "network": "vgg",
        "layers": "4",
        "augment": "true",
        "resume": "last",
    }


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("epoch", "3", "'epoch' is unknown; allowed: augment, epochs, layers, network, rate, resume"),
        ("epochs", "3.0", "epochs: '3.0' is not of type int"),
        ("epochs", "1_0", "epochs: '1_0' is not of type int"),
        ("epochs", "\u0663", "is not of type int"),
        ("epochs", "", "is not of type int"),
        ("epochs", "9" * 5000, "is not of type int"),
        ("epochs", "0", "epochs: 0 is below the minimum 1"),
        ("epochs", "101", "epochs: 101 is above the maximum 100"),
        ("epochs", 3, "epochs: 3 must be given as a string"),
        ("rate", "nan", "rate: 'nan' is not of type float"),
        ("rate", "1e999", "is not of type float"),
        ("rate", "inf", "is not of type float"),
        ("rate", "1.5", "rate: 1.5 is above the maximum 1.0"),
        ("network", "rnn", "network: 'rnn' is not one of cnn, vgg"),
        ("layers", "3", "layers: '3' is not one of 2, 4"),
        ("augment", "yes", "augment: 'yes' is not of type bool"),
        ("resume", "two\nlines", "is not of type str"),
        ("resume", "x" * 2501, "is not of type str"),
    ],
)
def test_what_the_manifest_does_not_allow_is_refused_with_name_value_and_what_is_allowed(
    name: str, value: Any, message: str
) -> None:
    with pytest.raises(InvalidHyperparameter) as refusal:
        resolve(SPECS, {name: value})
    assert message in str(refusal.value)


@given(st.integers(1, 100), st.floats(0, 1), st.booleans())
def test_what_is_written_as_text_is_read_back_as_the_same_value(epochs: int, rate: float, augment: bool) -> None:
    texts = {"epochs": to_text(epochs), "rate": to_text(rate), "augment": to_text(augment)}
    assert resolve(SPECS, texts).items() >= texts.items()


@given(st.dictionaries(st.sampled_from(sorted(SPECS)), st.text()))
def test_any_text_is_either_refused_or_becomes_a_value_that_sagemaker_takes(overrides: dict[str, str]) -> None:
    try:
        resolved = resolve(SPECS, overrides)
    except InvalidHyperparameter:
        return
    assert all(isinstance(value, str) and len(value) <= 2500 and "\n" not in value for value in resolved.values())
