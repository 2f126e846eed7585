"""Each client has credentials of its own, though all are made by one session."""

from datetime import UTC, datetime, timedelta

import pytest

from localcloud import clients
from localcloud.config import Config


@pytest.fixture
def config(tmp_path, monkeypatch):
    def issue(_config, role_arn, session_name, principal):
        soon = datetime.now(UTC) + timedelta(hours=1)
        return clients.Credentials(
            access_key_id=role_arn, secret_access_key=session_name, session_token=principal, expiration=soon
        )

    monkeypatch.setattr(clients, "_role_sessions", issue)
    monkeypatch.setattr(clients, "_clients", {})
    return Config(state_dir=tmp_path, port=1, secret_access_key="root's")  # noqa: S106


def _signs_with(client):
    keys = client._request_signer._credentials.get_frozen_credentials()
    return keys.access_key, keys.secret_key, keys.token


def test_clients_of_two_roles_and_of_root_sign_with_their_own_keys(config):
    clients.prepare(config)
    one, two = (clients.role_client(config, "s3", role, "session", "principal") for role in ("one", "two"))
    root = clients.root_client(config, "s3")
    assert _signs_with(one) == ("one", "session", "principal")
    assert _signs_with(two) == ("two", "session", "principal")
    assert _signs_with(root) == (config.access_key_id, "root's", None)
    assert clients.role_client(config, "s3", "one", "session", "principal") is one
