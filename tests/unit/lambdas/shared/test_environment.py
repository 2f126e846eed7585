import pytest
from shared.environment import require
from shared.errors import MissingSetting


@pytest.mark.parametrize("value", [None, ""])
def test_a_missing_variable_is_named(monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    monkeypatch.delenv("SLIPWAY_X", raising=False)
    if value is not None:
        monkeypatch.setenv("SLIPWAY_X", value)
    with pytest.raises(MissingSetting, match="SLIPWAY_X is not set"):
        require("SLIPWAY_X")
