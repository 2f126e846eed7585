"""A container's folder, and preloaded processes of the test's own."""

from pathlib import Path

import pytest

from localcloud.containers import container, preloading
from localcloud.containers.cleanup import remove_folder
from localcloud.containers.preloading import Preloads
from tests.support.preloading import SLOW


@pytest.fixture
def preloads(monkeypatch):
    monkeypatch.setattr(preloading, "_slow_modules", lambda python: [SLOW])
    made = Preloads(limit=2)
    monkeypatch.setattr(container, "PRELOADS", made)
    yield made
    made.close()


@pytest.fixture
def folder(tmp_path: Path):
    path = tmp_path / "container"
    (path / "ml").mkdir(parents=True)
    yield path
    remove_folder(path)
