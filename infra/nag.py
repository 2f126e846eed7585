"""Where a finding of cdk-nag is answered: beside the construct that it is about, with a reason."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from aws_cdk import Acknowledgment, Validations
from constructs import IConstruct


def acknowledge(construct: IConstruct, reasons: Mapping[str, str]) -> None:
    """Accept the rules that `reasons` names (an id, with its finding where it has one) for `construct` and below."""
    accepted = [Acknowledgment(id=rule, reason=reason) for rule, reason in reasons.items()]
    _validations(construct).acknowledge(*accepted)


@cache  # a call of the CDK costs as much as the rest; jsii keeps every construct for ever anyway
def _validations(construct: IConstruct) -> Validations:
    return Validations.of(construct)
