"""botocore clients of the embedded cloud's own endpoint, over real HTTP: as root, or with a role's session.

Only for threads other than the server's event loop, which has to answer these calls.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import botocore.config
import botocore.credentials
import botocore.session

from localcloud.config import Config

_CLIENT_CONFIG = botocore.config.Config(
    proxies={},  # never send loopback through a proxy of the environment
    retries={"mode": "standard", "max_attempts": 3},
    max_pool_connections=50,
    read_timeout=900,  # a Lambda function may take that long to answer
    # Nothing gets lost on loopback: hashing each body twice, for the signature and as a checksum, would find nothing.
    s3={"addressing_style": "path", "payload_signing_enabled": False},
    request_checksum_calculation="when_required",
    response_checksum_validation="when_required",
)

# What a first deployment, training and rollout need: those that are asked, and those that the cloud itself asks.
_ASKED = ("ssm", "cloudformation", "apigateway", "dynamodb", "stepfunctions", "application-autoscaling")
_ASKS = ("s3", "lambda", "sagemaker", "logs", "cloudwatch")


class AccessDenied(Exception):
    """The role does not exist, or its trust policy does not admit the service."""


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """A session of a role. ``expiration`` is aware UTC."""

    access_key_id: str
    secret_access_key: str
    session_token: str
    expiration: datetime


RoleSessions = Callable[[Config, str, str, str], Credentials]
_role_sessions: RoleSessions | None = None
_session = botocore.session.Session()
_lock = threading.Lock()
_clients: dict[tuple[str, ...], Any] = {}


def loader() -> Any:
    """What reads the API models that botocore ships, each once a process."""
    return _session.get_component("data_loader")


def use_role_sessions(issue: RoleSessions) -> None:
    """Set what issues sessions: ``issue(config, role_arn, session_name, principal)``. Done once, by the gateway."""
    global _role_sessions
    _role_sessions = issue


def role_credentials(config: Config, role_arn: str, session_name: str, principal: str) -> Credentials:
    """Session credentials of a role, as the service ``principal`` (``sagemaker.amazonaws.com``) would get them.

    Raises AccessDenied when the role does not exist or its trust policy does not admit the principal.
    """
    if _role_sessions is None:
        raise RuntimeError("role sessions exist only inside the embedded cloud's own process")
    return _role_sessions(config, role_arn, session_name, principal)


def root_client(config: Config, service: str) -> Any:
    """A cached client with the root keys. ``service`` is botocore's name (``sagemaker-runtime``)."""

    def create() -> Any:
        keys = botocore.credentials.Credentials(config.access_key_id, config.secret_access_key)
        return _create(config, service, keys)

    return _cached(("root", config.endpoint_url, config.secret_access_key, service), create)


def prepare(config: Config) -> None:
    """Read what botocore knows of the usual services: some 0.2 s of processor time, which requests would wait for."""
    for service in _ASKED:
        loader().load_service_model(service, "service-2")
    for service in _ASKS:
        root_client(config, service)
    root_client(config, "s3").get_paginator("list_objects_v2")


def role_client(
    config: Config, service: str, role_arn: str, session_name: str, principal: str = "sagemaker.amazonaws.com"
) -> Any:
    """A cached client with the role's session credentials, renewed before they expire. Raises AccessDenied."""

    def issue() -> dict[str, str]:
        issued = role_credentials(config, role_arn, session_name, principal)
        return {
            "access_key": issued.access_key_id,
            "secret_key": issued.secret_access_key,
            "token": issued.session_token,
            "expiry_time": issued.expiration.astimezone(UTC).isoformat(),
        }

    def create() -> Any:
        keys = botocore.credentials.RefreshableCredentials.create_from_metadata(issue(), issue, "localcloud")
        return _create(config, service, keys)

    return _cached(("role", config.endpoint_url, service, role_arn, session_name, principal), create)


def _cached(key: tuple[str, ...], create: Callable[[], Any]) -> Any:
    with _lock:  # creating clients from one session is not thread-safe; using them is
        if key not in _clients:
            _clients[key] = create()
        return _clients[key]


def _create(config: Config, service: str, keys: botocore.credentials.Credentials) -> Any:
    # A session of each client's own would cost three times what the client does.
    _session._credentials = keys  # create_client takes strings only; refreshing needs the object
    return _session.create_client(
        service, region_name=config.region, endpoint_url=config.endpoint_url, config=_CLIENT_CONFIG
    )
