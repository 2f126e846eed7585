"""An embedded cloud for tests of what runs inside it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from tests.support.embedded_cloud import EmbeddedCloud


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedCloud]:
    """An embedded cloud of the module's own, with an empty state."""
    state_dir = tmp_path_factory.mktemp("cloud")
    running = EmbeddedCloud.start(state_dir)
    yield running
    running.stop()
    shutil.rmtree(state_dir, ignore_errors=True)
