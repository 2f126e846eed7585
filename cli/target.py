"""Where the AWS APIs are: the embedded cloud on this machine, or AWS.

Everything else in this package takes a `Target` and cannot tell the two apart, but for the three things named here:
the environment of child processes, the address of the REST API, and how often to ask for progress.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import boto3

LOCAL_POLL_SECONDS = 0.5
AWS_POLL_SECONDS = 5.0


@dataclass(frozen=True)
class Endpoint:
    """How to reach an embedded cloud: the JSON line that `python -m localcloud start` prints."""

    url: str
    region: str
    access_key_id: str
    secret_access_key: str = field(repr=False)


@dataclass(frozen=True)
class Target:
    """One stage of the stack on one cloud. `endpoint` is None on AWS, where credentials and region are the SDK's."""

    stage: str
    endpoint: Endpoint | None = None
    region: str | None = None

    @property
    def name(self) -> str:
        """`local` or `aws`, as the command line spells it."""
        return "local" if self.endpoint else "aws"

    @property
    def poll_seconds(self) -> float:
        return LOCAL_POLL_SECONDS if self.endpoint else AWS_POLL_SECONDS

    @cached_property
    def session(self) -> boto3.Session:
        """One session a command; raises botocore's own errors, which `errors.explained` turns into a sentence."""
        import boto3

        if self.endpoint is None:
            return boto3.Session(region_name=self.region)
        return boto3.Session(
            aws_access_key_id=self.endpoint.access_key_id,
            aws_secret_access_key=self.endpoint.secret_access_key,
            region_name=self.endpoint.region,
        )

    @cached_property
    def _clients(self) -> dict[str, Any]:
        return {}

    def client(self, service: str) -> Any:
        """The boto3 client of a service, made once, with the SDK's standard retries."""
        if service not in self._clients:
            from botocore.config import Config

            self._clients[service] = self.session.client(
                service,
                endpoint_url=self.endpoint.url if self.endpoint else None,
                config=Config(retries={"mode": "standard", "max_attempts": 5}),
            )
        return self._clients[service]

    def environment(self, base: Mapping[str, str] | None = None) -> dict[str, str]:
        """The environment in which a child process reaches the same cloud as we do (`base` defaults to our own)."""
        environment = dict(os.environ if base is None else base)
        # It makes every start of Python compile its imports again.
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        if self.endpoint is None:
            if self.region:
                environment |= {"AWS_REGION": self.region, "AWS_DEFAULT_REGION": self.region}
            return environment
        # A profile or session token of the person's own would win over, or be mixed with, the embedded cloud's keys.
        for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_S3"):
            environment.pop(name, None)
        return environment | {
            "AWS_ENDPOINT_URL": self.endpoint.url,
            "AWS_ACCESS_KEY_ID": self.endpoint.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.endpoint.secret_access_key,
            "AWS_REGION": self.endpoint.region,
            "AWS_DEFAULT_REGION": self.endpoint.region,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def api_url(self, api: Mapping[str, str]) -> str:
        """The base address of the REST API, without a final slash. `api` is the descriptor `/slipway/{stage}/api`."""
        if self.endpoint is None:
            return api["url"].rstrip("/")
        return f"{self.endpoint.url}/_aws/execute-api/{api['rest_api_id']}/{api['stage']}"
