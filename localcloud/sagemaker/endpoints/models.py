"""An endpoint config's variants, resolved to what an instance needs.

The resolved form is kept in the endpoint's document: models and configs may be deleted while an endpoint uses them.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from localcloud.sagemaker.endpoints.model_data import ModelData
from localcloud.sagemaker.store import NotFound, Store

_DEFAULT_STARTUP_SECONDS = 600  # ContainerStartupHealthCheckTimeoutInSeconds, when not given


class ModelUnusable(Exception):
    """The model cannot be deployed; the message is the endpoint's FailureReason."""


@dataclass(frozen=True, kw_only=True)
class VariantSpec:
    """One production or shadow variant. `weight` and `count` change while it runs; the rest does not.

    The model data of a `multi_model` variant is the prefix below which its models lie.
    """

    name: str
    weight: float
    count: int
    image: str
    environment: dict[str, str] = field(default_factory=dict)
    model_data: ModelData | None = None
    role_arn: str | None = None
    isolated: bool = False
    startup_seconds: float = _DEFAULT_STARTUP_SECONDS
    serverless: dict[str, Any] | None = None
    shadow: bool = False
    instance_type: str | None = None
    multi_model: bool = False

    def document(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> VariantSpec:
        data = document["model_data"]
        return cls(**{**document, "model_data": ModelData(**data) if data else None})


def resolve_variants(store: Store, config: dict[str, Any]) -> list[VariantSpec]:
    """The production variants of an endpoint config, then its shadow variants. Raises ModelUnusable."""
    production = [_resolve(store, config, variant, shadow=False) for variant in config["ProductionVariants"]]
    shadows = [_resolve(store, config, variant, shadow=True) for variant in config.get("ShadowProductionVariants", [])]
    if any(spec.multi_model and (shadows or spec.serverless is not None) for spec in (*production, *shadows)):
        raise ModelUnusable("Multi-model containers can neither be serverless nor shadow variants, nor have any.")
    return [*production, *shadows]


def _resolve(store: Store, config: dict[str, Any], variant: dict[str, Any], *, shadow: bool) -> VariantSpec:
    model = _find(store, "model", variant["ModelName"])
    container = _container(store, model)
    return VariantSpec(
        name=variant["VariantName"],
        weight=variant.get("InitialVariantWeight", 1.0),
        count=variant.get("InitialInstanceCount") or _warm(variant),
        image=container["Image"],
        environment=container.get("Environment", {}),
        model_data=_model_data(container),
        role_arn=model.get("ExecutionRoleArn") or config.get("ExecutionRoleArn"),
        isolated=model.get("EnableNetworkIsolation", False),
        startup_seconds=variant.get("ContainerStartupHealthCheckTimeoutInSeconds", _DEFAULT_STARTUP_SECONDS),
        serverless=variant.get("ServerlessConfig"),
        shadow=shadow,
        instance_type=variant.get("InstanceType"),
        multi_model=container.get("Mode") == "MultiModel",
    )


def _warm(variant: dict[str, Any]) -> int:
    """A serverless variant's servers: those kept warm, and one at least to see whether the model works."""
    return max(1, variant.get("ServerlessConfig", {}).get("ProvisionedConcurrency", 0))


def _container(store: Store, model: dict[str, Any]) -> dict[str, Any]:
    containers = model.get("Containers") or [model["PrimaryContainer"]]
    if len(containers) > 1:
        raise ModelUnusable(
            f"Model {model['ModelName']} has {len(containers)} containers; the embedded cloud covers one"
        )
    container = containers[0]
    if "ModelPackageName" not in container:
        return container
    package = _find(store, "model-package", container["ModelPackageName"].split(":model-package/", 1)[-1])
    packaged = package["InferenceSpecification"]["Containers"][0]
    environment = {**packaged.get("Environment", {}), **container.get("Environment", {})}
    return {**packaged, "Environment": environment}


def _model_data(container: dict[str, Any]) -> ModelData | None:
    if "ModelDataUrl" in container:
        return ModelData(uri=container["ModelDataUrl"], archive=container.get("Mode") != "MultiModel")
    source = container.get("ModelDataSource", {}).get("S3DataSource")
    if source is None:
        return None
    archive = (source["S3DataType"], source["CompressionType"])
    if archive not in (("S3Object", "Gzip"), ("S3Prefix", "None")):
        raise ModelUnusable(
            f"ModelDataSource: S3DataType {archive[0]} with CompressionType {archive[1]} is not covered"
        )
    return ModelData(uri=source["S3Uri"], archive=source["S3DataType"] == "S3Object")


def _find(store: Store, kind: str, name: str) -> dict[str, Any]:
    try:
        return store.get(kind, name)
    except NotFound as error:
        raise ModelUnusable(f'Could not find {kind.replace("-", " ")} "{name}".') from error
