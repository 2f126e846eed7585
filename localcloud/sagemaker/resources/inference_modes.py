"""What asynchronous and serverless inference can be combined with.

https://docs.aws.amazon.com/sagemaker/latest/dg/serverless-endpoints.html, "Feature support"
https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference-create-endpoint.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from localcloud.sagemaker.errors import ValidationException
from localcloud.sagemaker.limits import require_s3_uri

Document = Mapping[str, Any]

_MEMORY_STEP = 1024


def check(config: Document, models: Mapping[str, Document]) -> None:
    """Refuse an endpoint config (a CreateEndpointConfig request) that no endpoint could serve.

    ``models`` are the variants' models by name.
    """
    variants = config["ProductionVariants"]
    serverless = [variant for variant in variants if "ServerlessConfig" in variant]
    if "AsyncInferenceConfig" in config:
        _check_asynchronous(config, bool(serverless))
    for variant in serverless:
        _check_serverless(config, variant, models[variant["ModelName"]])


def _check_asynchronous(config: Document, serverless: bool) -> None:
    if serverless:
        raise ValidationException("AsyncInferenceConfig may not be specified with a ServerlessConfig")
    if config.get("ShadowProductionVariants"):
        raise ValidationException("AsyncInferenceConfig may not be specified with ShadowProductionVariants")
    if len(config["ProductionVariants"]) != 1:
        raise ValidationException(
            f"With AsyncInferenceConfig there must be exactly one production variant; "
            f"found {len(config['ProductionVariants'])}"
        )
    output = config["AsyncInferenceConfig"]["OutputConfig"]
    for member in ("S3OutputPath", "S3FailurePath"):
        if member in output:
            require_s3_uri(output[member], f"asyncInferenceConfig.outputConfig.{member[0].lower()}{member[1:]}")
    if "S3OutputPath" not in output:
        raise ValidationException("S3OutputPath must be specified in AsyncInferenceConfig.OutputConfig")


def _check_serverless(config: Document, variant: Document, model: Document) -> None:
    name, serverless = variant["VariantName"], variant["ServerlessConfig"]
    if len(config["ProductionVariants"]) != 1 or config.get("ShadowProductionVariants"):
        raise ValidationException(f"Serverless variant {name} must be the endpoint config's only variant")
    if config.get("DataCaptureConfig", {}).get("EnableCapture"):
        raise ValidationException(f"DataCaptureConfig may not be specified with the serverless variant {name}")
    if serverless["MemorySizeInMB"] % _MEMORY_STEP:
        raise ValidationException(
            f"Invalid MemorySizeInMB {serverless['MemorySizeInMB']} for variant {name}: "
            f"expected 1024, 2048, 3072, 4096, 5120 or 6144"
        )
    provisioned = serverless.get("ProvisionedConcurrency", 0)
    if provisioned > serverless["MaxConcurrency"]:
        raise ValidationException(
            f"ProvisionedConcurrency {provisioned} of variant {name} must not exceed its MaxConcurrency "
            f"{serverless['MaxConcurrency']}"
        )
    if len(model.get("Containers", [])) > 1:
        raise ValidationException(f"Serverless variant {name} takes one container; its model is an inference pipeline")
    for member in ("VpcConfig", "EnableNetworkIsolation"):
        if model.get(member):
            raise ValidationException(f"Serverless variant {name} takes no model with {member}")
