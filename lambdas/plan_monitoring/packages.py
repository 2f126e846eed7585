"""What a version's evaluation recorded of the holdout."""

from typing import Any

from shared.storage import split_uri

from plan_monitoring import captures

BASELINE = "baseline.jsonl"
"""Beside evaluation.json (docs/contract.md, "Artifact bucket")."""


def holdout_baseline(sagemaker: Any, s3: Any, group: str, version: str) -> str | None:
    """URI of the holdout's rows with the version's answers; None where its inference code does not give them."""
    pages = sagemaker.get_paginator("list_model_packages").paginate(ModelPackageGroupName=group)
    summaries = (summary for page in pages for summary in page["ModelPackageSummaryList"])
    arn = next((item["ModelPackageArn"] for item in summaries if str(item["ModelPackageVersion"]) == version), None)
    if arn is None:
        return None
    package = sagemaker.describe_model_package(ModelPackageName=arn)
    evaluation = package.get("ModelMetrics", {}).get("ModelQuality", {}).get("Statistics", {}).get("S3Uri")
    if evaluation is None:
        return None
    bucket, key = split_uri(evaluation)
    folder = f"s3://{bucket}/{key.rpartition('/')[0]}"
    return f"{folder}/{BASELINE}" if BASELINE in captures.newest(s3, folder) else None
