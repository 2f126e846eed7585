"""Removes everything that a stage has made, also what no template knows of: endpoints, models, packages, objects.

The order matters: what still runs is stopped before what it runs on goes, and buckets are emptied before CloudFormation
deletes them. Every step takes "it is gone already" for done, so a removal that was interrupted can be run again.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from cli import descriptors, stack
from cli.errors import CliError
from cli.programs import ROOT
from cli.progress import Board
from cli.target import Target

STOP_LIMIT_SECONDS = 600.0
# Of a version that was rolled out, or of a batch that was interrupted; a config beside another model has a word more.
_SUFFIX = r"-(v\d+|batch)-[0-9a-f]{8}(-split|-shadow)?"
_KINDS = {
    "buckets": "AWS::S3::Bucket",
    "repositories": "AWS::ECR::Repository",
    "tables": "AWS::DynamoDB::Table",
    "keys": "AWS::KMS::Key",
}


@dataclass(frozen=True)
class Removal:
    """One removal. `workloads` and `resources` are read before anything goes, since the descriptors go too."""

    target: Target
    workloads: list[dict[str, Any]]
    buckets: list[str]
    repositories: list[str]
    tables: list[str]
    keys: list[str]

    @classmethod
    def of(cls, target: Target) -> Removal:
        found: dict[str, list[str]] = {name: [] for name in _KINDS}
        for resource in _stack_resources(target):
            for name, kind in _KINDS.items():
                if resource["ResourceType"] == kind and resource.get("PhysicalResourceId"):
                    found[name].append(resource["PhysicalResourceId"])
        return cls(target=target, workloads=descriptors.workloads(target), **found)

    def run(self, board: Board) -> None:
        """Remove everything; raises CliError or CommandFailed at what does not go."""
        with board.phase("stop runs"):
            for workload in self.workloads:
                self._stop_runs(workload)
        with board.phase("delete endpoints and models"):
            for workload in self.workloads:
                self._delete_serving(workload)
        with board.phase("empty buckets and repositories") as phase:
            for bucket in self.buckets:
                board.note(phase, bucket)
                _empty_bucket(self.target, bucket)
            for repository in self.repositories:
                _empty_repository(self.target, repository)
        with board.phase("delete stacks") as phase:
            self._delete_orphans()
            stack.destroy(
                self.target,
                on_line=lambda line: board.note(phase, stack.progress(line) or phase.detail, fleeting=True),
            )
        with board.phase("delete what the stacks retain"):
            self._delete_retained()

    def _delete_orphans(self) -> None:
        """Stacks of workloads whose folders are gone: the application does not know them any more."""
        formation = self.target.client("cloudformation")
        folders = ROOT / "training_code"
        # A workload's stack is named like everything that the workload owns (docs/contract.md).
        orphans = [one["job_prefix"] for one in self.workloads if not (folders / one["name"]).is_dir()]
        for name in orphans:
            formation.delete_stack(StackName=name)
        seconds = self.target.poll_seconds
        waits = {"Delay": seconds, "MaxAttempts": int(STOP_LIMIT_SECONDS / seconds)}
        for name in orphans:
            formation.get_waiter("stack_delete_complete").wait(StackName=name, WaiterConfig=waits)

    def _stop_runs(self, workload: Mapping[str, Any]) -> None:
        states = self.target.client("stepfunctions")
        for name in ("train_state_machine_arn", "rollout_state_machine_arn"):
            pages = states.get_paginator("list_executions").paginate(
                stateMachineArn=workload[name], statusFilter="RUNNING"
            )
            for execution in _items(states, pages, "executions", missing="StateMachineDoesNotExist"):
                states.stop_execution(executionArn=execution["executionArn"], cause="slipway destroy")
        sagemaker = self.target.client("sagemaker")
        prefix = workload["job_prefix"] + "-"
        for kind in ("Training", "Processing"):
            name = f"{kind}JobName"
            for job in self._list(
                f"list_{kind.lower()}_jobs", f"{kind}JobSummaries", prefix, StatusEquals="InProgress"
            ):
                if job[name].startswith(prefix):
                    getattr(sagemaker, f"stop_{kind.lower()}_job")(**{name: job[name]})

    def _delete_serving(self, workload: Mapping[str, Any]) -> None:
        sagemaker, endpoint = self.target.client("sagemaker"), workload["endpoint_name"]
        if any(item["EndpointName"] == endpoint for item in self._list("list_endpoints", "Endpoints", endpoint)):
            sagemaker.delete_endpoint(EndpointName=endpoint)
            self._await_endpoint_gone(endpoint)
        ours = re.compile(re.escape(endpoint) + _SUFFIX)
        for config in self._list("list_endpoint_configs", "EndpointConfigs", endpoint):
            if ours.fullmatch(config["EndpointConfigName"]):
                sagemaker.delete_endpoint_config(EndpointConfigName=config["EndpointConfigName"])
        for model in self._list("list_models", "Models", endpoint):
            if ours.fullmatch(model["ModelName"]):
                sagemaker.delete_model(ModelName=model["ModelName"])
        # A group with packages in it cannot be deleted, by CloudFormation or by anybody.
        pages = sagemaker.get_paginator("list_model_packages").paginate(
            ModelPackageGroupName=workload["model_package_group"]
        )
        for package in _items(sagemaker, pages, "ModelPackageSummaryList", missing="ValidationException"):
            sagemaker.delete_model_package(ModelPackageName=package["ModelPackageArn"])

    def _await_endpoint_gone(self, endpoint: str) -> None:
        deadline = time.monotonic() + STOP_LIMIT_SECONDS
        while any(item["EndpointName"] == endpoint for item in self._list("list_endpoints", "Endpoints", endpoint)):
            if time.monotonic() > deadline:
                raise CliError(f"Endpoint {endpoint} is still being deleted.", hint="Run slipway destroy again later.")
            time.sleep(self.target.poll_seconds)

    def _list(self, operation: str, member: str, contains: str, **filters: str) -> list[dict[str, Any]]:
        paginator = self.target.client("sagemaker").get_paginator(operation)
        return [item for page in paginator.paginate(NameContains=contains, **filters) for item in page[member]]

    def _delete_retained(self) -> None:
        """What has a name would be in the way of the next deployment. Keys wait for 30 days, as those of stacks do."""
        for bucket in self.buckets:
            _empty_bucket(self.target, bucket)  # access logs arrive late
            with self._gone_is_fine("s3", "NoSuchBucket", "404") as s3:
                s3.delete_bucket(Bucket=bucket)
        for repository in self.repositories:
            with self._gone_is_fine("ecr", "RepositoryNotFoundException") as ecr:
                ecr.delete_repository(repositoryName=repository, force=True)
        for table in self.tables:
            with self._gone_is_fine("dynamodb", "ResourceNotFoundException") as dynamodb:
                dynamodb.delete_table(TableName=table)
        for workload in self.workloads:
            with self._gone_is_fine("sagemaker", "ValidationException") as sagemaker:
                sagemaker.delete_model_package_group(ModelPackageGroupName=workload["model_package_group"])
        for key in self.keys:
            with self._gone_is_fine("kms", "NotFoundException", "KMSInvalidStateException") as kms:
                kms.schedule_key_deletion(KeyId=key)

    @contextmanager
    def _gone_is_fine(self, service: str, *codes: str) -> Iterator[Any]:
        """A client; the error codes in `codes` say that there is nothing left to delete."""
        client = self.target.client(service)
        try:
            yield client
        except client.exceptions.ClientError as error:
            _ignore(error, *codes)


def _stack_resources(target: Target) -> Iterator[dict[str, Any]]:
    """The resources of every stack of the stage, nothing for stages that were never deployed."""
    formation = target.client("cloudformation")
    prefix = f"slipway-{target.stage}-"
    for page in formation.get_paginator("describe_stacks").paginate():
        for described in page["Stacks"]:
            if described["StackName"].startswith(prefix) and described["StackStatus"] != "DELETE_COMPLETE":
                pages = formation.get_paginator("list_stack_resources").paginate(StackName=described["StackName"])
                yield from (resource for resources in pages for resource in resources["StackResourceSummaries"])


def _empty_bucket(target: Target, bucket: str) -> None:
    """Delete every version, delete marker and unfinished upload of a bucket, into which nothing is written any more.

    S3 delivers access logs for hours, also of the emptying itself, and CloudFormation deletes no bucket that has one.
    """
    s3 = target.client("s3")
    try:
        s3.put_bucket_policy(Bucket=bucket, Policy=_closed(target, bucket))
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
            objects = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
            if objects:
                _delete_objects(s3, bucket, [{"Key": item["Key"], "VersionId": item["VersionId"]} for item in objects])
        for page in s3.get_paginator("list_multipart_uploads").paginate(Bucket=bucket):
            for upload in page.get("Uploads", []):
                s3.abort_multipart_upload(Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"])
    except s3.exceptions.ClientError as error:
        _ignore(error, "NoSuchBucket", "404")


def _closed(target: Target, bucket: str) -> str:
    """A bucket policy by which nobody may write, in the place of the one that let S3 deliver its logs."""
    partition = target.session.get_partition_for_region(target.session.region_name)
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:PutObject",
        "Resource": f"arn:{partition}:s3:::{bucket}/*",
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _delete_objects(s3: Any, bucket: str, objects: list[dict[str, str]]) -> None:
    """A page of versions is at most 1,000, which is what DeleteObjects takes. It reports failures in its answer."""
    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True})
    if answer.get("Errors"):
        first = answer["Errors"][0]
        raise CliError(f"s3://{bucket}/{first['Key']} was not deleted: {first['Code']}: {first['Message']}")


def _empty_repository(target: Target, repository: str) -> None:
    ecr = target.client("ecr")
    pages = ecr.get_paginator("list_images").paginate(repositoryName=repository)
    images = list(_items(ecr, pages, "imageIds", missing="RepositoryNotFoundException"))
    for start in range(0, len(images), 100):
        ecr.batch_delete_image(repositoryName=repository, imageIds=images[start : start + 100])


def _items(client: Any, pages: Any, member: str, *, missing: str) -> Iterator[dict[str, Any]]:
    """The items of a paginated answer, none when the thing they belong to is gone (error code `missing`)."""
    try:
        for page in pages:
            yield from page[member]
    except client.exceptions.ClientError as error:
        _ignore(error, missing)


def _ignore(error: Any, *codes: str) -> None:
    if error.response["Error"]["Code"] not in codes:
        raise error
