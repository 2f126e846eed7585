"""How tests are spread over processes (`make test` starts two)."""

from __future__ import annotations

from pathlib import Path

import pytest

TESTS = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One process has the deployed stack and takes every test of it; other folders go whole to whoever is free, since
    their fixtures take long to make.
    """
    for item in items:
        folder = item.path.parent.relative_to(TESTS)
        item.add_marker(pytest.mark.xdist_group("e2e" if folder.parts[:1] == ("e2e",) else str(folder)))
