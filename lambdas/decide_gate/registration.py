"""The CreateModelPackage request of a run that passed."""

import hashlib
from pathlib import PurePosixPath
from typing import Any

from shared.descriptor import Descriptor

CONTENT_TYPE = "application/json"


def model_package(descriptor: Descriptor, verdict: dict[str, Any], *, verdict_uri: str) -> dict[str, Any]:
    """The request; the client token makes a retried Register state answer with the version that exists already."""
    gate, run = descriptor["gate"], verdict["run"]
    value = verdict["challenger"]["metrics"][gate["metric"]]
    token = hashlib.sha256(f"{descriptor['model_package_group']}/{run}".encode()).hexdigest()[:32]
    return {
        "ModelPackageGroupName": descriptor["model_package_group"],
        "ModelPackageDescription": f"{descriptor['name']}, run {run}: {gate['metric']} {value}",
        "InferenceSpecification": {
            "Containers": [{"Image": descriptor["serving"]["image_uri"], "ModelDataUrl": verdict["model_uri"]}],
            "SupportedContentTypes": [CONTENT_TYPE],
            "SupportedResponseMIMETypes": [CONTENT_TYPE],
            "SupportedRealtimeInferenceInstanceTypes": [descriptor["serving"]["instance_type"]],
        },
        "ModelApprovalStatus": "Approved" if descriptor["approval"] == "automatic" else "PendingManualApproval",
        "ModelMetrics": {
            "ModelQuality": {"Statistics": {"ContentType": CONTENT_TYPE, "S3Uri": verdict["evaluation_uri"]}}
        },
        "CustomerMetadataProperties": {
            "workload": descriptor["name"],
            "run": run,
            "dataset": verdict["dataset"],
            "data-hash": verdict["data_hash"],
            "code-uri": verdict["code_uri"],
            "training-image": verdict["training_image_uri"],
            "training-job": verdict["training_job"],
            "verdict-uri": verdict_uri,
            "metric": gate["metric"][:256],
            "value": str(value),
        },
        "ClientToken": token,
    }


def code_hash(code_uri: str) -> str:
    """The content hash that names the code's zip: `s3://.../<hash>.zip`."""
    return PurePosixPath(code_uri).stem
