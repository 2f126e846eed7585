"""An empty embedded cloud for the tests that need a real one."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from cli.embedded import EmbeddedCloud
from cli.target import Target


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedCloud]:
    """A running embedded cloud with nothing in it, stopped at the end."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    cloud = EmbeddedCloud(state=tmp_path_factory.mktemp("cloud"), port=port)
    cloud.start()
    try:
        yield cloud
    finally:
        cloud.stop()


@pytest.fixture(scope="session")
def target(cloud: EmbeddedCloud) -> Target:
    return Target(stage="dev", endpoint=cloud.require())
