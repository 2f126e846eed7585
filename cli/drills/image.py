"""An image of a drill's own, built and pushed with the embedded cloud's own tools."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cli import programs
from cli.drills.stage import Stage
from cli.errors import CommandFailed

CONTAINER = Path(__file__).with_name("container")


@contextmanager
def pushed(stage: Stage, *, tag: str, fault: Mapping[str, Any], answer: bytes) -> Iterator[str]:
    """The URI of the image in the workload's repository, from which it goes again after the block."""
    repository = stage.descriptor["serving"]["image_uri"].rpartition(":")[0]
    uri = f"{repository}:{tag}"
    with tempfile.TemporaryDirectory(prefix="slipway-drill-") as folder:
        context = Path(folder) / "context"
        shutil.copytree(CONTAINER, context, ignore=shutil.ignore_patterns("__pycache__"))
        (context / "fault.json").write_text(json.dumps(dict(fault)), encoding="utf-8")
        (context / "answer.json").write_bytes(answer)
        docker = _Docker(stage, folder, account=uri.partition(".")[0])
        docker.run("build", "--tag", uri, str(context))
        registry, _, name = repository.partition("/")
        ecr = stage.target.client("ecr")
        token = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
        password = base64.b64decode(token).decode().partition(":")[2]
        docker.run("login", "--username", "AWS", "--password-stdin", registry, said=password)
        docker.run("push", uri)
    try:
        yield uri
    finally:
        ecr.batch_delete_image(repositoryName=name, imageIds=[{"imageTag": tag}])


class _Docker:
    def __init__(self, stage: Stage, folder: str, *, account: str) -> None:
        self._environment = stage.target.environment() | {
            "LOCALCLOUD_STATE": str(stage.embedded.state),
            "LOCALCLOUD_ACCOUNT": account,
            "DOCKER_CONFIG": f"{folder}/docker",
        }

    def run(self, *arguments: str, said: str = "") -> None:
        command = [sys.executable, "-m", "localcloud.images", "docker", *arguments]
        done = subprocess.run(  # noqa: S603 - our own module, and no shell reads the arguments
            command, cwd=programs.ROOT, env=self._environment, input=said, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            last = "\n".join((done.stderr or done.stdout).strip().splitlines()[-15:])
            raise CommandFailed(f"docker {arguments[0]} of the drill's image failed:\n{last}")
