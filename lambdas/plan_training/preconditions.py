"""What must hold before anything is planned for a run that request_training started: nobody took the lease over, and
every object version that the run was started for is still there.
"""

from typing import Any

from shared.descriptor import Descriptor
from shared.errors import SlipwayError
from shared.fields import take

LEASE = {"kind": {"S": "lease"}, "id": {"S": "train"}}
MAX_GONE_NAMED = 3


class StaleLease(SlipwayError):
    """Another run took the lease over: this one must not run beside it."""


class ObjectVersionGone(SlipwayError):
    """An object version of the run's input was deleted."""


def check(event: dict[str, Any], descriptor: Descriptor, *, s3: Any, dynamodb: Any, table: str) -> None:
    """Raises `StaleLease` or `ObjectVersionGone`. A run that a person started has no `fencing_token`, and is taken as
    it is.
    """
    if "fencing_token" not in event:
        return
    _check_lease(event["run"], take(event, "fencing_token", int), dynamodb, table)
    _check_versions(take(event, "objects", list), f"{descriptor['data']['prefix']}{event['dataset']}/", descriptor, s3)


def _check_lease(run: str, token: int, dynamodb: Any, table: str) -> None:
    """A run that was redriven took the lease again, and has the token of its first time in its input."""
    item = dynamodb.get_item(TableName=table, Key=LEASE, ConsistentRead=True).get("Item", {})
    newest = int(item.get("token_number", {}).get("N", 0))
    if newest != token and item.get("holder", {}).get("S") != run:
        raise StaleLease(f"the run's fencing token is {token}, the newest is {newest}: another run has taken its place")


def _check_versions(objects: list[dict[str, str]], prefix: str, descriptor: Descriptor, s3: Any) -> None:
    bucket = descriptor["data"]["bucket"]
    there: set[tuple[str, str]] = set()
    deleted: set[str] = set()
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix):
        there |= {(version["Key"], version["VersionId"]) for version in page.get("Versions", [])}
        deleted |= {marker["Key"] for marker in page.get("DeleteMarkers", []) if marker["IsLatest"]}
    wanted = [(item["key"], item["version_id"]) for item in objects]
    gone = [
        f"s3://{bucket}/{key} ({version})" for key, version in wanted if (key, version) not in there or key in deleted
    ]
    if gone:
        more = f" and {len(gone) - MAX_GONE_NAMED} more" if len(gone) > MAX_GONE_NAMED else ""
        raise ObjectVersionGone(
            f"deleted since the run was started: {', '.join(gone[:MAX_GONE_NAMED])}{more}: upload the data set again"
        )
