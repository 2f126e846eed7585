"""Which models and endpoint configs of a workload can go: never one that serves, or that served before it."""

from typing import Any

from shared import descriptor as descriptors
from shared import endpoints
from shared.fields import take, take_matching
from shared.names import WORKLOAD


def retire(event: dict[str, Any], *, ssm: Any, sagemaker: Any, workloads_path: str) -> dict[str, list[str]]:
    """Delete all but the newest `versions_kept` endpoint configs, and the models that no config left names."""
    workload = take_matching(event, "workload", WORKLOAD)
    kept_at_least = take(event, "versions_kept", int)
    descriptor = descriptors.read(ssm, path=workloads_path, workload=workload)
    prefix = f"{descriptor['job_prefix']}-v"
    endpoint = endpoints.describe(sagemaker, descriptor["endpoint_name"])
    needed = {event["previous_endpoint_config_name"], endpoint["EndpointConfigName"] if endpoint else None}
    configs = _names(sagemaker, "list_endpoint_configs", "EndpointConfigs", "EndpointConfigName", prefix)
    gone = [name for name in configs[kept_at_least:] if name not in needed]
    for name in gone:
        sagemaker.delete_endpoint_config(EndpointConfigName=name)
    used = {model for name in configs if name not in gone for model in _models(sagemaker, name)}
    models = _names(sagemaker, "list_models", "Models", "ModelName", prefix)
    # The newest ones are left alone even where no config names them yet: another rollout may be about to.
    unused = [name for name in models[kept_at_least:] if name not in used]
    for name in unused:
        sagemaker.delete_model(ModelName=name)
    return {"endpoint_configs": gone, "models": unused}


def _names(sagemaker: Any, operation: str, member: str, field: str, prefix: str) -> list[str]:
    """Of the workload's own, newest first. NameContains also finds the prefix inside other workloads' names."""
    pages = sagemaker.get_paginator(operation).paginate(
        NameContains=prefix, SortBy="CreationTime", SortOrder="Descending"
    )
    return [item[field] for page in pages for item in page[member] if item[field].startswith(prefix)]


def _models(sagemaker: Any, config_name: str) -> list[str]:
    config = endpoints.describe_config(sagemaker, config_name) or {}
    variants = [*config.get("ProductionVariants", []), *config.get("ShadowProductionVariants", [])]
    return [variant["ModelName"] for variant in variants]
