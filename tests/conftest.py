"""How tests are spread over processes (`make test` starts two)."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest
from xdist.scheduler import LoadScopeScheduling


class FolderScheduling(LoadScopeScheduling):
    """One process has the deployed stack and takes every test of it; other folders go whole to whoever is free, since
    their fixtures take long to make.

    pytest-xdist's marks for this (`--dist loadgroup`) have no effect with pytest 9.2: its 3.8 writes the group to a
    private field that pytest no longer reads.
    """

    def _split_scope(self, nodeid: str) -> str:
        folder = PurePosixPath(nodeid.partition("::")[0]).parent
        return "tests/e2e" if folder.is_relative_to("tests/e2e") else str(folder)


@pytest.hookimpl
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> FolderScheduling:
    """In the order of collection, whatever the number of tests: the deployed stack takes longest, so it begins."""
    config.option.loadscopereorder = False
    return FolderScheduling(config, log)
