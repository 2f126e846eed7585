"""One look at what serves: its captured requests, listed for the job that compares them."""

import hashlib
import json
import re
from datetime import datetime, timedelta
from typing import Any

from shared import descriptor as descriptors
from shared import endpoints
from shared.descriptor import Descriptor
from shared.errors import SlipwayError
from shared.fields import take_matching
from shared.names import WORKLOAD, capture_uri, model_version
from shared.storage import split_uri

from plan_monitoring import captures, packages, requests
from plan_monitoring.requests import Job

_EXECUTION = re.compile(r".{1,80}")


class NotMonitored(SlipwayError):
    """The workload's manifest has no monitoring."""


def plan(
    event: dict[str, Any], *, ssm: Any, sagemaker: Any, s3: Any, workloads_path: str, now: datetime
) -> dict[str, Any]:
    """The state's output; see docs/contract.md, state machine "monitor". Writes the lists of the job's inputs."""
    workload = take_matching(event, "workload", WORKLOAD)
    execution = take_matching(event, "execution", _EXECUTION)
    descriptor = descriptors.read(ssm, path=workloads_path, workload=workload)
    monitoring = descriptor["monitoring"]
    if monitoring is None:
        raise NotMonitored(f"the manifest of {workload} has no monitoring: add it, and deploy")
    config = _serving_config(sagemaker, descriptor)
    if config is None:
        return _nothing(f"there is no endpoint {descriptor['endpoint_name']} in service yet")
    variant, version = _champion(sagemaker, descriptor, config)
    if config.get("DataCaptureConfig") is None:
        return _nothing(f"version {version} was rolled out before monitoring was deployed: it captures nothing")
    since = now - timedelta(hours=monitoring["window_hours"])
    folder = (
        f"{capture_uri(descriptor['artifacts'], config=config['EndpointConfigName'])}/{descriptor['endpoint_name']}"
    )
    source = f"{folder}/{variant}"
    found = captures.keys(s3, source, since=since)
    if not found:
        return _nothing(f"version {version} has been sent nothing yet (s3://.../{source.rpartition('/_captured/')[2]})")
    job = Job(
        name=f"{descriptor['job_prefix']}-{hashlib.sha256(execution.encode()).hexdigest()[:12]}-drift",
        version=version,
        since=since,
    )
    lists = {"captures": _list(s3, descriptor, job, "captures", source, found)}
    recorded = packages.holdout_baseline(sagemaker, s3, descriptor["model_package_group"], version)
    labels = f"s3://{descriptor['data']['bucket']}/{descriptor['data']['prefix']}ground-truth"
    if monitoring["quality"] and (labelled := captures.newest(s3, labels)):
        lists["labels"] = _list(s3, descriptor, job, "labels", labels, labelled)
    return {
        "job": requests.job(descriptor, job, lists, baseline_uri=recorded),
        "report_uri": f"{requests.folder(descriptor, job)}/report.json",
        "reason": f"{len(found)} capture files of version {version}",
    }


def _nothing(reason: str) -> dict[str, Any]:
    return {"job": None, "report_uri": None, "reason": reason}


def _serving_config(sagemaker: Any, descriptor: Descriptor) -> dict[str, Any] | None:
    endpoint = endpoints.describe(sagemaker, descriptor["endpoint_name"])
    # While it is created there is no config that serves.
    if endpoint is None or not endpoint.get("ProductionVariants"):
        return None
    config = endpoints.describe_config(sagemaker, endpoint["EndpointConfigName"])
    return config and {**config, "Serving": endpoint["ProductionVariants"]}


def _champion(sagemaker: Any, descriptor: Descriptor, config: dict[str, Any]) -> tuple[str, str]:
    """Variant and model version of what has the most traffic."""
    serving = max(config["Serving"], key=lambda variant: variant.get("DesiredWeight", 1.0))
    name = serving["VariantName"]
    models = {variant["VariantName"]: variant["ModelName"] for variant in config["ProductionVariants"]}
    return name, model_version(models.get(name, "")) or "unknown"


def _list(s3: Any, descriptor: Descriptor, job: Job, name: str, folder: str, keys: list[str]) -> str:
    """An S3 manifest of the objects `keys` below `folder`; its URI."""
    uri = f"{requests.folder(descriptor, job)}/{name}.manifest"
    bucket, key = split_uri(uri)
    body = json.dumps([{"prefix": f"{folder}/"}, *keys]).encode()
    s3.put_object(Bucket=bucket, Key=key, Body=body, ContentType="application/json")
    return uri
