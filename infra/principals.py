"""Who may assume the stack's roles."""

from __future__ import annotations

from aws_cdk import Aws
from aws_cdk import aws_iam as iam


def in_this_account(service: str) -> iam.ServicePrincipal:
    """`service`, acting for a resource of this account only: no other account can use it as its deputy."""
    return iam.ServicePrincipal(service, conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}})
