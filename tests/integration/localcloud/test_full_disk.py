"""A state folder on a disk that fills up: a small file system of the server's own."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.support.embedded_cloud import ROOT, EmbeddedCloud, eventually, free_port

SIZE = 24 * 2**20
MOUNT = "mount -t tmpfs -o size={size} none {folder}"
SERVE = "exec {python} -m localcloud serve --state {folder} --port {port}"
ONCE = Config(retries={"total_max_attempts": 1})


def can_mount() -> bool:
    if shutil.which("unshare") is None:
        return False
    probe = ["unshare", "--mount", "--map-root-user", "sh", "-c", "mount -t tmpfs none /tmp"]
    return subprocess.run(probe, capture_output=True, check=False).returncode == 0


@pytest.fixture
def small(tmp_path: Path) -> Iterator[EmbeddedCloud]:
    """A cloud whose ``state_dir`` is the folder as it is seen from outside of the server's mount namespace."""
    port = free_port()
    script = f"{MOUNT} && {SERVE}".format(size=SIZE, folder=tmp_path, python=sys.executable, port=port)
    server = subprocess.Popen(
        ["unshare", "--mount", "--map-root-user", "sh", "-c", script],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    inside = Path(f"/proc/{server.pid}/root{tmp_path}")

    def ready() -> dict[str, object]:
        with contextlib.suppress(FileNotFoundError):
            return json.loads((inside / "instance.json").read_text())
        return {}

    try:
        pid = eventually(ready)["pid"]
        secret = json.loads((inside / "credentials.json").read_text())["secret_access_key"]
        yield EmbeddedCloud(
            state_dir=inside,
            port=port,
            endpoint_url=f"http://127.0.0.1:{port}",
            region="us-east-1",
            account="000000000000",
            access_key_id="LOCALCLOUDROOT000000",
            secret_access_key=secret,
            pid=pid,
            restored="empty",
        )
    finally:
        server.terminate()
        server.wait(30)


def fill(folder: Path) -> Path:
    """A file that takes all the room there is."""
    ballast = folder / "ballast"
    with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
        while True:
            os.write(file.fileno(), b"\0" * 4096)
    return ballast


@pytest.mark.skipif(not can_mount(), reason="needs mount namespaces")
def test_a_full_disk_refuses_writes_and_goes_on_reading_until_there_is_room_again(small):
    s3, ssm, sqs, sagemaker = (small.client(name, ONCE) for name in ("s3", "ssm", "sqs", "sagemaker"))
    s3.create_bucket(Bucket="bucket")
    s3.put_object(Bucket="bucket", Key="kept", Body=b"body")
    ssm.put_parameter(Name="/kept", Value="v", Type="String")
    queue = sqs.create_queue(QueueName="queue")["QueueUrl"]
    ballast = fill(small.state_dir)

    writes = {
        "s3": lambda: s3.put_object(Bucket="bucket", Key="late", Body=b"body"),
        "ssm": lambda: ssm.put_parameter(Name="/late", Value="v", Type="String"),
        "sqs": lambda: sqs.send_message(QueueUrl=queue, MessageBody="late"),
        "sagemaker": lambda: sagemaker.create_model_package_group(ModelPackageGroupName="late"),
    }
    for write in writes.values():
        with pytest.raises(ClientError, match="make room there") as refused:
            write()
        assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 503
        assert refused.value.response["Error"]["Code"].startswith("ServiceUnavailable")

    assert s3.get_object(Bucket="bucket", Key="kept")["Body"].read() == b"body"
    assert ssm.get_parameter(Name="/kept")["Parameter"]["Value"] == "v"
    assert [item["Key"] for item in s3.list_objects_v2(Bucket="bucket")["Contents"]] == ["kept"]

    ballast.unlink()
    for write in writes.values():
        write()
    assert ssm.get_parameter(Name="/late")["Parameter"]["Value"] == "v"


@pytest.mark.skipif(not can_mount(), reason="needs mount namespaces")
def test_an_upload_larger_than_the_disk_is_refused_before_it_begins(small):
    s3 = small.client("s3", ONCE)
    s3.create_bucket(Bucket="bucket")
    with pytest.raises(ClientError, match="make room there"):
        s3.put_object(Bucket="bucket", Key="large", Body=b"\0" * SIZE)
    assert "Contents" not in s3.list_objects_v2(Bucket="bucket")
    s3.put_object(Bucket="bucket", Key="small", Body=b"body")
