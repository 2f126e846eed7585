"""`batch`: score every row of a large file with the model that serves, by a Batch Transform job.

The job has a model of its own, made from the container that serves and deleted afterwards: that one runs under the role
for batches, which may read what is scored and write results, and the endpoint's role may not.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli import descriptors, jobs
from cli.errors import CliError, RunFailed
from cli.progress import Board
from cli.target import Target

if TYPE_CHECKING:
    from cli.group import Session

CONTENT_TYPES = {".csv": "text/csv", ".jsonl": "application/jsonlines"}
_RUNNING = ("InProgress", "Stopping")


@dataclass(frozen=True)
class Place:
    """A prefix in S3."""

    bucket: str
    key: str

    @property
    def uri(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


def batch(
    session: Session,
    name: str,
    source: str,
    *,
    out: Path,
    content_type: str | None,
    instance_type: str | None,
    as_json: bool,
) -> None:
    """Score `source`, a file or an S3 URI, and download the results into `out`."""
    target = session.target()
    descriptor = descriptors.workload(target, name)
    media_type = _content_type(source, content_type)
    given = _place(source, descriptor) if source.startswith("s3://") else _file(source)
    container = _serving_container(target, descriptor)
    job = f"{descriptor['job_prefix']}-batch-{secrets.token_hex(4)}"
    folder = Place(descriptor["batch"]["bucket"], f"{descriptor['batch']['prefix']}{job}/")
    with Board(session.err) as board:
        rows = _upload(target, given, folder, board) if isinstance(given, Path) else given
        request = _request(job, rows, folder, media_type, instance_type or descriptor["serving"]["instance_type"])
        request["TransformOutput"]["KmsKeyId"] = descriptor["kms_key_arn"]
        with _model(target, job, container, descriptor["batch"]["role_arn"]), board.phase("score") as phase:
            _run(target, request, lambda status: board.note(phase, status))
        with board.phase("download"):
            files = _download(target, Place(folder.bucket, f"{folder.key}output/"), out)
    if as_json:
        print(json.dumps({"workload": name, "job": job, "files": [str(path) for path in files]}, indent=2))
    else:
        session.out.print("\n".join(map(str, files)), highlight=False, soft_wrap=True)


def _content_type(source: str, given: str | None) -> str:
    """The media type of the rows; raises CliError for one that does not come in lines."""
    found = given or CONTENT_TYPES.get(Path(source).suffix)
    allowed = " or ".join(CONTENT_TYPES.values())
    if found is None:
        raise CliError(f"What {source} holds is not clear from its name.", hint=f"Say --content-type {allowed}")
    if found not in CONTENT_TYPES.values():
        hint = f"Give {allowed}. A CSV file has no header row: each line is scored alone."
        raise CliError(f"A file of {found!r} cannot be scored row by row.", hint=hint)
    return found


def _place(uri: str, descriptor: Mapping[str, Any]) -> Place:
    """An S3 URI as a place; raises CliError where the role for batches may not read it."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    readable = [Place(descriptor[part]["bucket"], descriptor[part]["prefix"]) for part in ("data", "batch")]
    if not any(bucket == place.bucket and key.startswith(place.key) for place in readable):
        raise CliError(
            f"{uri} is not where {descriptor['name']}'s batches may read.",
            hint=f"Copy it below {readable[1].uri} or give a file of this machine.",
        )
    return Place(bucket, key)


def _file(name: str) -> Path:
    path = Path(name)
    if not path.is_file():
        raise CliError(f"{name} is not a file.", hint="Give a file, or an S3 URI such as s3://BUCKET/KEY.")
    return path


def _serving_container(target: Target, descriptor: Mapping[str, Any]) -> dict[str, Any]:
    """Image, model data and environment of what serves now; raises CliError when nothing does."""
    sagemaker = target.client("sagemaker")
    name = descriptor["endpoint_name"]
    found = sagemaker.list_endpoints(NameContains=name, MaxResults=100)["Endpoints"]
    if name not in {item["EndpointName"] for item in found}:
        hint = f"Train one: slipway train {descriptor['name']} --data FOLDER"
        raise CliError(f"{descriptor['name']} has no model in service.", hint=hint)
    endpoint = sagemaker.describe_endpoint(EndpointName=name)
    config = sagemaker.describe_endpoint_config(EndpointConfigName=endpoint["EndpointConfigName"])
    wanted = descriptor["serving"]["variant"]
    variant = next(item for item in config["ProductionVariants"] if item["VariantName"] == wanted)
    container = sagemaker.describe_model(ModelName=variant["ModelName"])["PrimaryContainer"]
    return {key: container[key] for key in ("Image", "ModelDataUrl", "Environment") if key in container}


def _upload(target: Target, path: Path, folder: Place, board: Board) -> Place:
    place = Place(folder.bucket, f"{folder.key}input/{path.name}")
    with board.phase("upload"):
        target.client("s3").upload_file(str(path), place.bucket, place.key)
    return place


def _request(job: str, rows: Place, folder: Place, media_type: str, instance_type: str) -> dict[str, Any]:
    """CreateTransformJob: as many rows a request as fit, and every answer beside its row."""
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": rows.uri}}
    return {
        "TransformJobName": job,
        "ModelName": job,
        "BatchStrategy": "MultiRecord",
        "TransformInput": {"DataSource": source, "ContentType": media_type, "SplitType": "Line"},
        "TransformOutput": {"S3OutputPath": f"{folder.uri}output", "Accept": media_type, "AssembleWith": "Line"},
        "TransformResources": {"InstanceType": instance_type, "InstanceCount": 1},
        "DataProcessing": {"JoinSource": "Input"},
    }


@contextmanager
def _model(target: Target, name: str, container: Mapping[str, Any], role_arn: str) -> Iterator[None]:
    sagemaker = target.client("sagemaker")
    sagemaker.create_model(
        ModelName=name, ExecutionRoleArn=role_arn, PrimaryContainer=dict(container), EnableNetworkIsolation=True
    )
    try:
        yield
    finally:
        sagemaker.delete_model(ModelName=name)


def _run(target: Target, request: Mapping[str, Any], on_status: Any) -> None:
    """Wait for the job's end; raises RunFailed. A job that is not waited for any more is stopped."""
    sagemaker, name = target.client("sagemaker"), request["TransformJobName"]
    sagemaker.create_transform_job(**request)
    try:
        description = sagemaker.describe_transform_job(TransformJobName=name)
        while description["TransformJobStatus"] in _RUNNING:
            on_status(description["TransformJobStatus"])
            time.sleep(target.poll_seconds)
            description = sagemaker.describe_transform_job(TransformJobName=name)
    except BaseException:
        sagemaker.stop_transform_job(TransformJobName=name)
        raise
    if description["TransformJobStatus"] != "Completed":
        reason = description.get("FailureReason", description["TransformJobStatus"])
        log = "\n".join(f"  {line}" for line in jobs.tail(target, jobs.TRANSFORM_LOGS, f"{name}/"))
        raise RunFailed(f"The job {name} failed: {reason}\n{log}".rstrip())


def _download(target: Target, place: Place, out: Path) -> list[Path]:
    s3 = target.client("s3")
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=place.bucket, Prefix=place.key)
    files = []
    for item in (item for page in pages for item in page.get("Contents", [])):
        path = out / item["Key"].removeprefix(place.key)
        path.parent.mkdir(parents=True, exist_ok=True)
        s3.download_file(place.bucket, item["Key"], str(path))
        files.append(path)
    return files
