"""The embedded cloud as a process."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.embedded import EmbeddedCloud, bypass_proxies
from cli.errors import CliError


def test_loopback_is_kept_out_of_a_proxy_and_other_exceptions_stay() -> None:
    environment = {"NO_PROXY": "internal.example"}
    bypass_proxies(environment)
    bypass_proxies(environment)
    assert environment["NO_PROXY"] == "internal.example,127.0.0.1,localhost"
    assert environment["no_proxy"] == "127.0.0.1,localhost"


def test_a_state_folder_without_a_cloud_is_told_apart_from_a_running_one(tmp_path: Path) -> None:
    cloud = EmbeddedCloud(state=tmp_path / "none")
    assert cloud.running() is None
    assert cloud.stop() is False
    with pytest.raises(CliError, match="is not running"):
        cloud.require()
