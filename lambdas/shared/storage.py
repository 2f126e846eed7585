"""Small JSON documents in S3, and S3 URIs."""

from typing import Any

from botocore.exceptions import ClientError

from shared.clients import error_code
from shared.errors import InvalidDocument, InvalidInput


def split_uri(uri: str) -> tuple[str, str]:
    """Bucket and key of `s3://bucket/key`."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    if not uri.startswith("s3://") or not bucket or not key:
        raise InvalidInput(f"{uri!r} is not an S3 object's URI (s3://bucket/key)")
    return bucket, key


def read_small(s3: Any, *, bucket: str, key: str, version_id: str | None = None, limit: int) -> bytes:
    """The object's bytes; `InvalidDocument` when it is missing or longer than `limit` bytes. Never holds more than
    `limit` + 1.
    """
    version = {"VersionId": version_id} if version_id else {}
    try:
        body = s3.get_object(Bucket=bucket, Key=key, **version)["Body"]
    except ClientError as error:
        if error_code(error) in {"NoSuchKey", "NoSuchVersion"}:
            raise InvalidDocument(f"s3://{bucket}/{key} does not exist") from error
        raise
    with body:
        data = body.read(limit + 1)
    if len(data) > limit:
        raise InvalidDocument(f"s3://{bucket}/{key} is larger than {limit} bytes")
    return data
