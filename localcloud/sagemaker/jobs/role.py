"""The role a job or a model runs under: clients that act for it, and the credentials its containers get."""

from __future__ import annotations

from typing import Any

from localcloud import clients
from localcloud.config import Config

# The session name that SageMaker's own sessions carry, to be seen in CloudTrail and in messages of AccessDenied.
SESSION_NAME = "SageMaker"
PRINCIPAL = "sagemaker.amazonaws.com"


class RoleRefused(Exception):
    """The role cannot be assumed; the message is SageMaker's."""


class Role:
    """One role, assumed as SageMaker assumes it."""

    def __init__(self, config: Config, role_arn: str) -> None:
        self._config = config
        self.arn = role_arn

    def client(self, service: str) -> Any:
        """A client acting for the role; its credentials are renewed. Raises RoleRefused."""
        try:
            return clients.role_client(self._config, service, self.arn, SESSION_NAME, PRINCIPAL)
        except clients.AccessDenied as error:
            raise self._refused(error) from error

    def environment(self) -> dict[str, str]:
        """What lets an AWS SDK inside a container act for the role, against this cloud. Raises RoleRefused."""
        try:
            credentials = clients.role_credentials(self._config, self.arn, SESSION_NAME, PRINCIPAL)
        except clients.AccessDenied as error:
            raise self._refused(error) from error
        return {
            "AWS_ACCESS_KEY_ID": credentials.access_key_id,
            "AWS_SECRET_ACCESS_KEY": credentials.secret_access_key,
            "AWS_SESSION_TOKEN": credentials.session_token,
            "AWS_REGION": self._config.region,
            "AWS_ENDPOINT_URL": self._config.endpoint_url,
        }

    def _refused(self, error: clients.AccessDenied) -> RoleRefused:
        return RoleRefused(
            f"Could not assume role {self.arn}. Please ensure that the role exists and allows principal"
            f" '{PRINCIPAL}' to assume the role. {error}"
        )
