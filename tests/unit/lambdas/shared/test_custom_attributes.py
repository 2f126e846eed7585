import pytest
from hypothesis import given
from hypothesis import strategies as st
from shared.custom_attributes import model_version


@pytest.mark.parametrize(
    ("attributes", "version"),
    [
        ("model_version=7", "7"),
        ("trace=1,model_version=12", "12"),
        ("model_version=12; trace=1", "12"),
        ("other_model_version=3", None),
        ("model_version=", None),
        ("", None),
        (None, None),
        ("model_version=7\r\nSet-Cookie: a=b", "7"),
        ("model_version=7%0d%0aX: y", None),
    ],
)
def test_the_version_is_found_among_the_attributes(attributes: str | None, version: str | None) -> None:
    assert model_version(attributes) == version


@given(st.text())
def test_a_version_never_holds_what_could_split_a_header(value: str) -> None:
    version = model_version(f"model_version={value}")
    assert version is None or (version.isascii() and version.isprintable() and " " not in version)
