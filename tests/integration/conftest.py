"""An embedded cloud for tests of what runs inside it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.embedded_cloud import EmbeddedCloud, command


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Callable[..., EmbeddedCloud]]:
    """Starts embedded clouds in the test's folder, and stops what still runs of them whatever became of the test."""
    clouds = []

    def start(name: str = "state", port: int | None = None) -> EmbeddedCloud:
        clouds.append(EmbeddedCloud.start(tmp_path / name, port))
        return clouds[-1]

    yield start
    for cloud in clouds:
        command("stop", "--state", str(cloud.state_dir))


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedCloud]:
    """An embedded cloud of the module's own, with an empty state."""
    state_dir = tmp_path_factory.mktemp("cloud")
    running = EmbeddedCloud.start(state_dir)
    yield running
    running.stop()
    shutil.rmtree(state_dir, ignore_errors=True)
