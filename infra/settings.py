"""What differs between stages. The only reader of CDK context (`cdk deploy -c stage=prod`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from aws_cdk import RemovalPolicy
from aws_cdk import aws_logs as logs
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError

StageName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9]{0,9}$")]
EmailAddress = Annotated[str, StringConstraints(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$")]


class SettingsError(ValueError):
    """A context value that cannot be used; the message names the key and the value."""


class ApiLimits(BaseModel):
    """Limits of the usage plan: requests a second, burst, and requests a day."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    rate_per_second: int = Field(gt=0, le=10_000)
    burst: int = Field(gt=0, le=5_000)
    quota_per_day: int = Field(gt=0)


class Settings(BaseModel):
    """One stage of the deployment."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    stage: StageName
    destroy_data: bool
    """Whether `cdk destroy` deletes buckets, key and repositories (buckets must be empty by then)."""
    log_retention: logs.RetentionDays
    api: ApiLimits
    alert_email: EmailAddress | None = None
    """Subscribed to the alerts topic where given."""
    workloads: frozenset[str] | None = None
    """The workloads to synthesise; None: all. Stacks of others that are deployed stay as they are."""

    @property
    def removal_policy(self) -> RemovalPolicy:
        """What is retained has a name of its own: a first deployment that fails must take it back, or the next one
        finds it there (`RetainExceptOnCreate`)."""
        return RemovalPolicy.DESTROY if self.destroy_data else RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE


def load_settings(get_context: Callable[[str], Any]) -> Settings:
    """Settings of the stage that the context names: `stage` (default `dev`), `alert_email` (default none) and
    `workloads` (names with commas between them, default all).

    Every stage other than `prod` is one to throw away: its data goes with it, its logs last a month.
    """
    stage = get_context("stage") or "dev"
    production = stage == "prod"
    _check("stage", stage, StageName)
    email = get_context("alert_email") or None
    if email is not None:
        _check("alert_email", email, EmailAddress)
    return Settings(
        stage=stage,
        destroy_data=not production,
        log_retention=logs.RetentionDays.ONE_YEAR if production else logs.RetentionDays.ONE_MONTH,
        api=ApiLimits(rate_per_second=50, burst=100, quota_per_day=100_000),
        alert_email=email,
        workloads=_names(get_context("workloads")),
    )


def _names(text: Any) -> frozenset[str] | None:
    if text is None or text == "":
        return None
    _check("workloads", text, str)
    return frozenset(name.strip() for name in text.split(","))


def _check(key: str, value: Any, kind: Any) -> None:
    try:
        TypeAdapter(kind).validate_python(value, strict=True)
    except ValidationError as error:
        raise SettingsError(f"context value {key}={value!r}: {error.errors()[0]['msg']}") from error
