"""`runs` and `rerun`: what a workload's runs were, and one of them once more.

A run is an execution of the train machine, which Step Functions keeps for 90 days. Its verdict in the artifact bucket
stays.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from cli import data, descriptors, runs
from cli.errors import CliError
from cli.target import Target

if TYPE_CHECKING:
    from rich.console import Console


@dataclass(frozen=True)
class PastRun:
    """A run as it was recorded: the workload's descriptor of today, and the execution's input of then."""

    name: str
    descriptor: Mapping[str, Any]
    input: Mapping[str, Any]


def collect(target: Target, descriptor: Mapping[str, Any], limit: int) -> list[dict[str, Any]]:
    """The newest runs, newest first.

    `{"name", "status", "outcome", "reasons", "dataset", "hyperparameters", "training_job", "metrics", "model_version",
    "started", "seconds"}`. `hyperparameters` are those of the training job once there is a verdict, before that those
    that the run was asked for; `training_job`, `metrics` and `outcome` are null without a verdict, `model_version`
    without a registered model.
    """
    executions = runs.executions(target, descriptor["train_state_machine_arn"], limit)
    return [_document(target, execution) for execution in executions]


def _document(target: Target, execution: Mapping[str, Any]) -> dict[str, Any]:
    described = target.client("stepfunctions").describe_execution(executionArn=execution["executionArn"])
    given = json.loads(described["input"])
    output = json.loads(described["output"]) if described["status"] == "SUCCEEDED" else {}
    verdict = runs.verdict(target, output["verdict_uri"]) if output else {}
    package, stopped = output.get("model_package_arn"), described.get("stopDate")
    return {
        "name": described["name"],
        "status": described["status"],
        "outcome": output.get("outcome"),
        "reasons": output.get("reasons", []),
        "dataset": given["dataset"],
        "hyperparameters": verdict.get("hyperparameters", given["hyperparameters"]),
        "training_job": verdict.get("training_job"),
        "metrics": verdict["challenger"]["metrics"] if verdict else None,
        "model_version": package.rsplit("/", 1)[-1] if package else None,
        "started": described["startDate"].isoformat(),
        "seconds": round((stopped - described["startDate"]).total_seconds(), 1) if stopped else None,
    }


def show(documents: list[dict[str, Any]], console: Console) -> None:
    """Print them for a person, four lines each."""
    for run in documents:
        version = f" as model version {run['model_version']}" if run["model_version"] else ""
        seconds = "" if run["seconds"] is None else f", {run['seconds']:.0f} s"
        lines = [
            f"{run['name']}  {run['outcome'] or run['status'].lower()}{version}  ({run['started'][:19]}{seconds})",
            f"  data set {run['dataset']}" + (f", training job {run['training_job']}" if run["training_job"] else ""),
            *([f"  {_pairs(run['metrics'], ' ')}"] if run["metrics"] else []),
            *([f"  {_pairs(run['hyperparameters'], '=')}"] if run["hyperparameters"] else []),
            *(f"  {reason}" for reason in run["reasons"]),
        ]
        console.print("\n".join(lines), markup=False, highlight=False, soft_wrap=True)


def _pairs(values: Mapping[str, Any], between: str) -> str:
    return ", ".join(f"{name}{between}{value}" for name, value in values.items())


def find(target: Target, run: str) -> PastRun:
    """A run of any workload. Raises CliError where no workload has had one of that name."""
    states = target.client("stepfunctions")
    known = descriptors.workloads(target)
    for descriptor in known:
        arn = f"{descriptor['train_state_machine_arn'].replace(':stateMachine:', ':execution:')}:{run}"
        try:
            described = states.describe_execution(executionArn=arn)
        except (states.exceptions.ExecutionDoesNotExist, states.exceptions.InvalidArn):
            continue
        return PastRun(name=run, descriptor=descriptor, input=json.loads(described["input"]))
    names = ", ".join(descriptor["name"] for descriptor in known) or "none is deployed"
    raise CliError(f"There is no run {run!r} of any workload ({names}).", hint="Its name: slipway runs WORKLOAD")


def copy_dataset(target: Target, past: PastRun, on_file: Callable[[str], None] = lambda name: None) -> str:
    """The versions of the objects that the run recorded as a fresh data set, with its hyperparameters; its name.

    As with an upload, the last object that lands starts the run. Raises CliError where a version is gone.
    """
    where, dataset = past.descriptor["data"], data.new_dataset_name()
    objects = {item["key"]: item["version_id"] for item in past.input["objects"]}
    files = _assigned(past, list(objects)).in_upload_order(where["channels"])
    data.write_request(
        target,
        past.descriptor,
        dataset,
        past.input["hyperparameters"],
        past.input.get("imported_model"),
        objects=len(files),
    )
    for channel, path in files:
        key = f"{where['prefix']}{path.as_posix()}"
        on_file(path.name)
        copied = f"{where['prefix']}{dataset}/{channel}/{PurePosixPath(*path.parts[2:])}"
        _copy(target, where["bucket"], key, objects[key], copied)
    return dataset


def _assigned(past: PastRun, keys: list[str]) -> data.Assignment:
    """The run's files by channel; a path is `{dataset}/{channel}/{file}`."""
    prefix, channels = past.descriptor["data"]["prefix"], past.descriptor["data"]["channels"]
    paths = [Path(key.removeprefix(prefix)) for key in keys]
    by_channel = {name: [path for path in paths if path.parts[1] == name] for name in channels}
    return data.Assignment(folder=Path(past.input["dataset"]), channels=by_channel, ignored=[])


def _copy(target: Target, bucket: str, key: str, version: str, copied: str) -> None:
    client = target.client("s3")
    try:
        client.copy({"Bucket": bucket, "Key": key, "VersionId": version}, bucket, copied)
    except client.exceptions.ClientError as error:
        if error.response["Error"]["Code"] not in ("404", "NoSuchKey", "NoSuchVersion"):
            raise
        raise CliError(
            f"s3://{bucket}/{key} is no longer there in the version {version} that the run was trained on.",
            hint="Old versions are kept for 90 days. The verdict of the run stays.",
        ) from error
