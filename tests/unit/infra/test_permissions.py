from __future__ import annotations

import pytest
from aws_cdk import App, Stack
from aws_cdk import aws_iam as iam

from infra.permissions import UnexplainedWildcard, allow


@pytest.fixture(scope="module")
def role() -> iam.Role:
    return iam.Role(Stack(App(), "Stack"), "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))


def test_a_wildcard_without_a_reason_is_refused(role: iam.Role) -> None:
    with pytest.raises(UnexplainedWildcard, match=r"arn:aws:s3:::bucket/\*: say why"):
        allow(role, ["s3:GetObject"], ["arn:aws:s3:::bucket/*"])


def test_a_wildcard_behind_a_token_is_one_too(role: iam.Role) -> None:
    with pytest.raises(UnexplainedWildcard, match=r"<Role\w+\.Arn>/\*"):
        allow(role, ["s3:GetObject"], [f"{role.role_arn}/*"])


def test_a_resource_without_wildcard_needs_none(role: iam.Role) -> None:
    allow(role, ["s3:GetObject"], ["arn:aws:s3:::bucket/key"])
