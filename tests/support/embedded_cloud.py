"""Embedded clouds as processes, for tests of what runs inside them."""

from __future__ import annotations

import atexit
import json
import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from localcloud import lifecycle

ROOT = Path(__file__).resolve().parents[2]
_COMMAND_SECONDS = 90
# Folders of all that were started here: what a failed or interrupted test leaves running is stopped at the end.
_started: set[Path] = set()


@dataclass(frozen=True, kw_only=True)
class EmbeddedCloud:
    """One embedded cloud, handled from outside: the members of ``Config`` that clients need, and its life."""

    state_dir: Path
    port: int
    endpoint_url: str
    region: str
    account: str
    access_key_id: str
    secret_access_key: str
    pid: int
    restored: str

    @classmethod
    def start(cls, state_dir: Path, port: int | None = None) -> EmbeddedCloud:
        """Start one on a free port, or on the given one."""
        port = port or free_port()
        _started.add(state_dir)
        result = command("start", "--state", str(state_dir), "--port", str(port))
        assert result.returncode == 0, result.stderr
        printed = json.loads(result.stdout)
        printed.pop("state")
        return cls(state_dir=state_dir, port=port, **printed)

    def stop(self) -> None:
        result = command("stop", "--state", str(self.state_dir))
        assert result.returncode == 0, result.stderr

    def kill(self) -> None:
        """``kill -9`` of the server."""
        os.kill(self.pid, signal.SIGKILL)

    def client(self, service: str, config: Config | None = None, **keys: str) -> Any:
        """A boto3 client with the root keys, or with the given ones."""
        root = {"aws_access_key_id": self.access_key_id, "aws_secret_access_key": self.secret_access_key}
        place = {"endpoint_url": self.endpoint_url, "region_name": self.region}
        return boto3.client(service, config=config, **place, **(keys or root))

    def role(self, name: str, service: str, *statements: dict[str, Any]) -> str:
        """The ARN of a new role that the service may assume, with these policy statements."""
        iam = self.client("iam")
        trust = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
        arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=policy(trust))["Role"]["Arn"]
        if statements:
            iam.put_role_policy(RoleName=name, PolicyName="test", PolicyDocument=policy(*statements))
        return arn

    def subscribe(self, name: str, pattern: dict[str, Any]) -> str:
        """The URL of a new queue that gets every event which matches."""
        sqs, events = self.client("sqs"), self.client("events")
        queue = sqs.create_queue(QueueName=name)["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        admit = {**allow("sqs:SendMessage", arn), "Principal": {"Service": "events.amazonaws.com"}}
        sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy(admit)})
        events.put_rule(Name=name, EventPattern=json.dumps(pattern))
        events.put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": arn}])
        return str(queue)

    def received(self, queue: str, count: int) -> list[dict[str, Any]]:
        """The documents in the queue, once there are `count`; they stay in it."""
        sqs, found = self.client("sqs"), {}

        def there() -> bool:
            answer = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, VisibilityTimeout=0)
            found.update({message["MessageId"]: json.loads(message["Body"]) for message in answer.get("Messages", [])})
            return len(found) >= count

        eventually(there)
        return list(found.values())


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action: str | list[str], resource: str | list[str] = "*") -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource}


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    """``python -m localcloud ARGUMENTS``."""
    return subprocess.run(
        [sys.executable, "-m", "localcloud", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=_COMMAND_SECONDS,
        check=False,
    )


@atexit.register
def _stop_leftovers() -> None:
    for state_dir in _started:
        instance = lifecycle.read_instance(state_dir)
        if instance is not None and instance.alive:
            command("stop", "--state", str(state_dir))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def eventually(condition: Callable[[], Any], seconds: float = 30.0) -> Any:
    """What ``condition`` returns once it is true; fails after a bounded time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds} s: {condition}")


def unique(prefix: str) -> str:
    return f"{prefix}-{uuid.uuid4().hex[:8]}"
