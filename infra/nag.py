"""Where a finding of cdk-nag is answered: beside the construct that it is about, with a reason."""

from __future__ import annotations

from collections.abc import Mapping

from aws_cdk import Validations
from constructs import IConstruct


def acknowledge(construct: IConstruct, reasons: Mapping[str, str]) -> None:
    """Accept the rules `reasons` names (rule id, with its finding where it has one) for `construct` and its children."""
    for rule, reason in reasons.items():
        Validations.of(construct).acknowledge(id=rule, reason=reason)
