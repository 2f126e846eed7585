"""Which capacities the variants of an endpoint may be given, by the kind of inference."""

from __future__ import annotations

from typing import Any

from localcloud.sagemaker.errors import ValidationException

Document = dict[str, Any]


def check(endpoint: Document, desired: list[Document]) -> None:
    """Refuse a DesiredWeightAndCapacity that the endpoint's kind does not take."""
    for entry in desired:
        if entry.get("DesiredInstanceCount") == 0 and "AsyncInferenceConfig" not in endpoint:
            raise ValidationException(
                f"DesiredInstanceCount 0 is not allowed for variant {entry['VariantName']} of endpoint "
                f"{endpoint['EndpointName']}: only asynchronous endpoints scale to zero"
            )
