"""The CreateModelPackage request of a run that passed."""

import hashlib
import re
from pathlib import PurePosixPath
from typing import Any

from shared.descriptor import Descriptor

CONTENT_TYPE = "application/json"


def model_package(descriptor: Descriptor, verdict: dict[str, Any], *, verdict_uri: str) -> dict[str, Any]:
    """The request; the client token makes a retried Register state answer with the version that exists already."""
    run, metric = verdict["run"], descriptor["gate"]["metric"]
    value = verdict["challenger"]["metrics"][metric]
    token = hashlib.sha256(f"{descriptor['model_package_group']}/{run}".encode()).hexdigest()[:32]
    return {
        "ModelPackageGroupName": descriptor["model_package_group"],
        "ModelPackageDescription": f"{descriptor['name']}, run {run}: {_metadata(metric)} {value}",
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
            **_made_by(verdict),
            **_contents(verdict),
            "verdict-uri": verdict_uri,
            "metric": _metadata(metric),
            "value": str(value),
            **_hyperparameters(verdict),
        },
        "ClientToken": token,
    }


def _hyperparameters(verdict: dict[str, Any]) -> dict[str, str]:
    """Those of the training job, and of the search that found them: what one wants to see beside a version."""
    values = " ".join(f"{name}={text}" for name, text in sorted(verdict["hyperparameters"].items()))
    found = {"hyperparameters": _metadata(values)} if values else {}
    return {**found, "tuning-job": verdict["tuned"]["tuning_job"]} if verdict["tuned"] else found


def _made_by(verdict: dict[str, Any]) -> dict[str, str]:
    if verdict["imported"]:
        return {"imported-model": verdict["training_job"]}
    return {
        "code-uri": verdict["code_uri"],
        "training-image": verdict["training_image_uri"],
        "training-job": verdict["training_job"],
    }


def _contents(verdict: dict[str, Any]) -> dict[str, str]:
    """By which the model's files and the holdout are known again. The model server takes no other files."""
    known = {
        "model-sha256": verdict["model_sha256"],
        "model-version-id": verdict["model_version_id"],
        "holdout-sha256": verdict["holdout"]["sha256"],
    }
    return {name: value for name, value in known.items() if value}


def _metadata(text: str) -> str:
    """Free text of a manifest as CustomerMetadataProperties takes it: up to 256 of these characters."""
    return re.sub(r"[^\w .:/=+@-]", "_", text)[:256]


def code_hash(code_uri: str) -> str:
    """The content hash that names the code's zip: `s3://.../<hash>.zip`."""
    return PurePosixPath(code_uri).stem
