"""Clients that nobody here wrote, each in an environment of its own, against an embedded cloud."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

from botocore.exceptions import WaiterError

from localcloud.images.registry import ImageRegistry
from tests.support.embedded_cloud import ROOT, EmbeddedCloud, allow, unique

_INSTALL_SECONDS = 600
PROGRAM_SECONDS = 180
BYOC = ROOT / "tests/support/byoc"
IRIS = b"low,1,1\nlow,1,2\nhigh,5,5\nhigh,6,5\n"  # what its `train` reads
EVERY_SECOND = {"Delay": 1, "MaxAttempts": 60}  # AWS's own pace is one look in 30 to 120 s
_S3 = ["s3:GetObject", "s3:PutObject", "s3:ListBucket"]
_SERVICE = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents", "cloudwatch:PutMetricData"]


def interpreter(requirements: str) -> Path:
    """The Python of the environment with the pinned requirement file, installed where it is not yet."""
    done = subprocess.run(
        [sys.executable, "-m", "localcloud.images", "environment", f"requirements/{requirements}.txt"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=_INSTALL_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return Path(done.stdout.strip())


@dataclass(frozen=True)
class Account:
    """What somebody has who is about to use SageMaker: keys, a bucket, an execution role."""

    cloud: EmbeddedCloud
    bucket: str
    role: str

    def environment(self, home: Path) -> dict[str, str]:
        """The variables of a client's process: where the cloud is, and nothing of this machine's own settings."""
        return {
            "AWS_ENDPOINT_URL": self.cloud.endpoint_url,
            "AWS_REGION": self.cloud.region,
            "AWS_DEFAULT_REGION": self.cloud.region,
            "AWS_ACCESS_KEY_ID": self.cloud.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.cloud.secret_access_key,
            "HOME": str(home),
            "PATH": os.defpath,
        }

    def own_environment(self) -> dict[str, str]:
        """The variables of a process of the embedded cloud's own, which installs into the user's caches."""
        return {**os.environ, **self.environment(Path.home()), "PATH": os.environ["PATH"]}

    def put(self, key: str, body: bytes) -> str:
        self.cloud.client("s3").put_object(Bucket=self.bucket, Key=key, Body=body)
        return f"s3://{self.bucket}/{key}"

    def read(self, uri: str) -> bytes:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        return self.cloud.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()

    def wait(self, waiter: str, *, allow_failure: bool = False, **arguments: str) -> None:
        """boto3's waiter, looking once a second, so that clients with AWS's slow pace find what they wait for."""
        try:
            self.cloud.client("sagemaker").get_waiter(waiter).wait(**arguments, WaiterConfig=EVERY_SECOND)
        except WaiterError:
            if not allow_failure:
                raise

    def image(self, name: str, context: Path) -> str:
        """Builds the Dockerfile in ``context``; its URI."""
        registry = ImageRegistry(SimpleNamespace(state_dir=self.cloud.state_dir, account=self.cloud.account))
        registry.build(context, context / "Dockerfile", {}, name)
        return name


def account_in(cloud: EmbeddedCloud) -> Account:
    """An account with an empty bucket, and a role that may do what jobs and models need."""
    bucket = unique("clients")
    cloud.client("s3").create_bucket(Bucket=bucket)
    role = cloud.role(unique("execution"), "sagemaker.amazonaws.com", allow(_S3), allow(_SERVICE))
    return Account(cloud, bucket, role)


def run(command: list[str], environment: dict[str, str], folder: Path) -> str:
    """What the program prints; fails with its error output."""
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=PROGRAM_SECONDS, check=False
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout
