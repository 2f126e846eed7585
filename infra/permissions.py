"""Granting permissions. A wildcard needs a reason, given where it is granted; cdk-nag is told that same reason."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from aws_cdk import Stack
from aws_cdk import aws_iam as iam

from infra.nag import acknowledge


class UnexplainedWildcard(ValueError):
    """A grant with a wildcard and without a reason for it."""


def allow(
    role: iam.Role,
    actions: Sequence[str],
    resources: Sequence[str],
    *,
    conditions: dict[str, Any] | None = None,
    wildcard: str | None = None,
) -> None:
    """Let `role` do `actions` on `resources`. `wildcard` says why a resource has to have one."""
    role.add_to_policy(iam.PolicyStatement(actions=list(actions), resources=list(resources), conditions=conditions))
    # A token stands for a reference, which never holds a wildcard itself.
    wild = [resource for resource in resources if "*" in resource]
    if wild:
        explain_wildcards(role, [_flat(resource) for resource in _stack(role).resolve(wild)], wildcard)


def allow_grants(role: iam.Role, key_arn: str) -> None:
    """Let AWS make grants on the key for what `role` asks of it: SageMaker encrypts the volumes of instances by one."""
    allow(role, ["kms:CreateGrant"], [key_arn], conditions={"Bool": {"kms:GrantIsForAWSResource": "true"}})


def explain_wildcards(role: iam.Role, resources: Sequence[str], reason: str | None) -> None:
    """Accept the wildcards in `resources`, written as cdk-nag writes them, on `role`."""
    if not reason:
        raise UnexplainedWildcard(f"{role.node.path} is granted {', '.join(resources)}: say why the wildcard is needed")
    acknowledge(role, {f"AwsSolutions-IAM5[Resource::{resource}]": reason for resource in resources})


@cache  # as infra.nag caches
def _stack(role: iam.Role) -> Stack:
    return Stack.of(role)


def _flat(value: Any) -> str:
    """A resolved ARN as cdk-nag names it: references in angle brackets (they never hold a wildcard themselves)."""
    if isinstance(value, str):
        return value
    if "Fn::Join" in value:
        delimiter, parts = value["Fn::Join"]
        return delimiter.join(_flat(part) for part in parts)
    if "Fn::GetAtt" in value:
        return f"<{'.'.join(value['Fn::GetAtt'])}>"
    if "Ref" in value:
        return f"<{value['Ref']}>"
    return f"<{next(iter(value))}>"
