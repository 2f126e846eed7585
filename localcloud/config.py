"""What one embedded cloud is: a state folder, a port on loopback, and a pair of root keys."""

from __future__ import annotations

import json
import math
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

HOST = "127.0.0.1"
DEFAULT_STATE = Path(".slipway/localcloud")
DEFAULT_PORT = 4566
_SETTINGS = {"stop_grace_seconds": "seconds", "preloaded_environments": "environments"}
_ACCESS_KEY_ID = "LOCALCLOUDROOT000000"


@dataclass(frozen=True, kw_only=True)
class Config:
    """``state_dir`` is absolute. The keys are the root user's; every other principal is an IAM role.

    ``stop_grace_seconds`` passes between SIGTERM and the end of a stopped or interrupted job's containers. So many
    environments keep a process that has imported their slow packages, and as many a small one
    (``localcloud.containers.preloading``); 0: none.
    """

    state_dir: Path
    port: int
    region: str = "us-east-1"
    account: str = "000000000000"
    access_key_id: str = _ACCESS_KEY_ID
    secret_access_key: str
    stop_grace_seconds: float = 120.0
    preloaded_environments: int = 3

    @property
    def endpoint_url(self) -> str:
        """An address, not ``localhost``: SDKs put the bucket into the host name of the latter."""
        return f"http://{HOST}:{self.port}"


def load(state_dir: Path, port: int) -> Config:
    """The configuration of the cloud in this folder, which is created when absent, together with its secret key.

    Its ``settings.json``, which nobody has to write, may say ``stop_grace_seconds`` and ``preloaded_environments``;
    anything else is a ValueError.
    """
    state_dir = state_dir.resolve()
    state_dir.mkdir(parents=True, exist_ok=True)
    secret = _secret(state_dir / "credentials.json")
    return Config(state_dir=state_dir, port=port, secret_access_key=secret, **_settings(state_dir / "settings.json"))


def _settings(path: Path) -> dict[str, float]:
    if not path.exists():
        return {}
    settings = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(settings, dict) or settings.keys() - _SETTINGS.keys():
        raise ValueError(f"{path} may say {' and '.join(_SETTINGS)} only; found {settings!r}")
    for name, value in settings.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
            raise ValueError(f"{path}: {name} is {value!r}; it must be a number of {_SETTINGS[name]}, 0 or more")
    return settings


def _secret(path: Path) -> str:
    """The folder's secret key: random, so that other users of the machine cannot sign as root."""
    if not path.exists():
        temporary = path.with_suffix(f".{os.getpid()}.tmp")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump({"secret_access_key": secrets.token_urlsafe(30)}, file)
        try:
            os.link(temporary, path)  # of two first starts, one decides
        except FileExistsError:
            pass
        finally:
            temporary.unlink()
    return json.loads(path.read_text(encoding="utf-8"))["secret_access_key"]
