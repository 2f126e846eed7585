"""The capacity of a production variant, read and set through SageMaker's API."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from localcloud.sagemaker.errors import ValidationException

_RESOURCE = re.compile(r"endpoint/([^/]+)/variant/([^/]+)")


@dataclass(frozen=True, kw_only=True)
class Variant:
    """``count`` instances serve, ``desired`` are wanted. ``settled``: the endpoint is InService and nothing changes."""

    count: int
    desired: int
    settled: bool
    asynchronous: bool


class VariantCapacity:
    """``reader`` gives the client that describes endpoints, ``scaler`` the one that scales them."""

    def __init__(self, reader: Callable[[], Any], scaler: Callable[[], Any]) -> None:
        self._reader = reader
        self._scaler = scaler

    def require(self, resource_id: str, minimum: int) -> None:
        """Refuse what cannot be scaled, or not to ``minimum``. Raises ValidationException."""
        variant = self.find(resource_id)
        if variant is None:
            raise ValidationException(f"Resource {resource_id} was not found: no such endpoint and variant")
        if minimum == 0 and not variant.asynchronous:
            raise ValidationException(
                f"Minimum capacity cannot be 0 for {resource_id}: only asynchronous endpoints scale to zero"
            )

    def find(self, resource_id: str) -> Variant | None:
        """None when there is no such endpoint, or no such variant in it. Raises ValidationException."""
        endpoint_name, name = names(resource_id)
        try:
            endpoint = self._reader().describe_endpoint(EndpointName=endpoint_name)
        except ClientError as error:
            if "could not find" in error.response["Error"]["Message"].lower():
                return None
            raise
        for variant in endpoint.get("ProductionVariants", []):
            if variant["VariantName"] == name:
                return _variant(resource_id, endpoint, variant)
        return None

    def set(self, resource_id: str, capacity: int) -> None:
        """Ask for this many instances. Raises ClientError."""
        endpoint_name, name = names(resource_id)
        desired = {"VariantName": name, "DesiredInstanceCount": capacity}
        self._scaler().update_endpoint_weights_and_capacities(
            EndpointName=endpoint_name, DesiredWeightsAndCapacities=[desired]
        )


def names(resource_id: str) -> tuple[str, str]:
    """Endpoint and variant. Raises ValidationException."""
    match = _RESOURCE.fullmatch(resource_id)
    if match is None:
        raise ValidationException(f"Invalid resource ID '{resource_id}': expected endpoint/<name>/variant/<name>")
    return match[1], match[2]


def _variant(resource_id: str, endpoint: dict[str, Any], variant: dict[str, Any]) -> Variant:
    if "CurrentServerlessConfig" in variant:
        raise ValidationException(f"{resource_id} is serverless: it has no instances to scale")
    return Variant(
        count=variant["CurrentInstanceCount"],
        desired=variant["DesiredInstanceCount"],
        settled=endpoint["EndpointStatus"] == "InService",
        asynchronous="AsyncInferenceConfig" in endpoint,
    )
