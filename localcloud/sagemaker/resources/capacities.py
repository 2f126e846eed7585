"""Which capacities the variants of an endpoint may be given, by the kind of inference."""

from __future__ import annotations

from typing import Any

from localcloud.sagemaker.errors import ValidationException

Document = dict[str, Any]


def check(endpoint: Document, desired: list[Document]) -> None:
    """Refuse a DesiredWeightAndCapacity that the endpoint's kind does not take."""
    serverless = {
        variant["VariantName"]: variant["CurrentServerlessConfig"]
        for variant in endpoint.get("ProductionVariants", [])
        if "CurrentServerlessConfig" in variant
    }
    for entry in desired:
        _check_serverless(entry, serverless.get(entry["VariantName"]))
        if entry.get("DesiredInstanceCount") == 0 and not endpoint.get("AsyncInferenceConfig"):
            raise ValidationException(
                f"DesiredInstanceCount 0 is not allowed for variant {entry['VariantName']} of endpoint "
                f"{endpoint['EndpointName']}: only asynchronous endpoints scale to zero"
            )


def _check_serverless(entry: Document, present: Document | None) -> None:
    name = entry["VariantName"]
    if present is None:
        if "ServerlessUpdateConfig" in entry:
            raise ValidationException(f"Variant {name} is not serverless: it takes no ServerlessUpdateConfig")
        return
    if "DesiredInstanceCount" in entry:
        raise ValidationException(f"Variant {name} is serverless: it takes no DesiredInstanceCount")
    wanted = {**present, **entry.get("ServerlessUpdateConfig", {})}
    if wanted.get("ProvisionedConcurrency", 0) > wanted["MaxConcurrency"]:
        raise ValidationException(
            f"ProvisionedConcurrency {wanted['ProvisionedConcurrency']} of variant {name} must not exceed its "
            f"MaxConcurrency {wanted['MaxConcurrency']}"
        )
