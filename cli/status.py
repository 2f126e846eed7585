"""What is deployed and how it is doing."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from cli import descriptors, runs
from cli.target import Target

if TYPE_CHECKING:
    from rich.console import Console

RUNS_SHOWN = 5
_MODEL_NAME = re.compile(r"-v(?P<version>\d+)-[0-9a-f]{8}$")


def collect(target: Target) -> dict[str, Any]:
    """The document that `slipway status --json` prints.

    `{"target", "stage", "region", "api_url", "workloads": [{"name", "endpoint", "runs"}]}`; `endpoint` is null before
    the first rollout, otherwise `{"name", "status", "config", "failure_reason", "variants": [{"name", "weight",
    "instances", "model", "model_version"}]}`; a run is `{"name", "status", "outcome", "model_version",
    "started", "seconds"}`, newest first; `outcome` is `registered` or `rejected` once its execution has succeeded.
    """
    return {
        "target": target.name,
        "stage": target.stage,
        "region": target.session.region_name,
        "api_url": target.api_url(descriptors.api(target)),
        "workloads": [
            {
                "name": descriptor["name"],
                "endpoint": endpoint(target, descriptor["endpoint_name"]),
                "runs": [
                    _run(target, item)
                    for item in runs.executions(target, descriptor["train_state_machine_arn"], RUNS_SHOWN)
                ],
            }
            for descriptor in descriptors.workloads(target)
        ],
    }


def endpoint(target: Target, name: str) -> dict[str, Any] | None:
    """An endpoint with its production variants, or None when there is none of that name."""
    sagemaker = target.client("sagemaker")
    try:
        description = sagemaker.describe_endpoint(EndpointName=name)
    except sagemaker.exceptions.ClientError as error:
        # DescribeEndpoint says ValidationException, "Could not find endpoint", to a name that is not there.
        if error.response["Error"]["Code"] != "ValidationException":
            raise
        return None
    config = sagemaker.describe_endpoint_config(EndpointConfigName=description["EndpointConfigName"])
    models = {variant["VariantName"]: variant.get("ModelName", "") for variant in config["ProductionVariants"]}
    return {
        "name": name,
        "status": description["EndpointStatus"],
        "config": description["EndpointConfigName"],
        "failure_reason": description.get("FailureReason"),
        "variants": [_variant(variant, models) for variant in description.get("ProductionVariants", [])],
    }


def _variant(variant: Mapping[str, Any], models: Mapping[str, str]) -> dict[str, Any]:
    model = models.get(variant["VariantName"], "")
    return {
        "name": variant["VariantName"],
        "weight": variant.get("CurrentWeight"),
        "instances": variant.get("CurrentInstanceCount"),
        "model": model,
        "model_version": model_version(model),
    }


def model_version(model: str) -> str | None:
    """The model package version that a model's name carries (docs/contract.md, "Names")."""
    match = _MODEL_NAME.search(model)
    return match["version"] if match else None


def _run(target: Target, execution: Mapping[str, Any]) -> dict[str, Any]:
    started, stopped = execution["startDate"], execution.get("stopDate")
    result = _result(target, execution["executionArn"]) if execution["status"] == "SUCCEEDED" else {}
    package = result.get("model_package_arn")
    return {
        "name": execution["name"],
        "status": execution["status"],
        "outcome": result.get("outcome"),
        "model_version": package.rsplit("/", 1)[-1] if package else None,
        "started": started.isoformat(),
        "seconds": round((stopped - started).total_seconds(), 1) if stopped else None,
    }


def _result(target: Target, execution_arn: str) -> dict[str, Any]:
    """The output of an execution that succeeded: registered or rejected (docs/contract.md, "State machine train")."""
    return json.loads(target.client("stepfunctions").describe_execution(executionArn=execution_arn)["output"])


def show(document: Mapping[str, Any], console: Console) -> None:
    """Print the status for a person."""
    place = f"stage {document['stage']}, {document['region']}"
    lines = [f"API  {document['api_url']}  ({document['target']}, {place})"]
    for workload in document["workloads"]:
        lines += ["", workload["name"], _endpoint_line(workload["endpoint"])]
        if workload["runs"]:
            lines += ["  runs, newest first:", *map(_run_line, workload["runs"])]
        else:
            lines.append(f"  no run yet; start one: slipway train {workload['name']} --data FOLDER")
    console.print("\n".join(lines), markup=False, highlight=False, soft_wrap=True)


def _run_line(run: Mapping[str, Any]) -> str:
    version = f" model version {run['model_version']}" if run["model_version"] else ""
    seconds = "" if run["seconds"] is None else f", {run['seconds']:.0f} s"
    return f"    {run['name']}  {run['outcome'] or run['status'].lower()}{version}  ({run['started'][:19]}{seconds})"


def _size(variant: Mapping[str, Any]) -> str:
    return "serverless" if variant["instances"] is None else f"x{variant['instances']}"


def _endpoint_line(document: Mapping[str, Any] | None) -> str:
    if document is None:
        return "  no endpoint yet: the first model that passes its gate makes it"
    variants = ", ".join(
        f"{item['name']} weight {item['weight']:g} {_size(item)} model version {item['model_version']}"
        for item in document["variants"]
    )
    reason = f" ({document['failure_reason']})" if document["failure_reason"] else ""
    return f"  endpoint {document['name']}: {document['status']}{reason}; {variants or 'no variant'}"
