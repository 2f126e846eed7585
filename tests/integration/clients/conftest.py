"""The account that the clients work in."""

from __future__ import annotations

import pytest

from tests.support.clients import Account, account_in
from tests.support.embedded_cloud import EmbeddedCloud


@pytest.fixture(scope="module")
def account(cloud: EmbeddedCloud) -> Account:
    return account_in(cloud)
