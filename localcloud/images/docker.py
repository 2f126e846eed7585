"""The `docker` and `aws` commands that a build sees: what a build specification needs of them, without an engine.

Settings come from the environment, as the shims pass them on (see localcloud/codebuild/shims.py).
"""

from __future__ import annotations

import argparse
import base64
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from localcloud.images import reference
from localcloud.images.ecr_api import EcrApi, EcrError
from localcloud.images.errors import RegistryRefused
from localcloud.images.registry import ImageRegistry

STATE_VARIABLE = "LOCALCLOUD_STATE"
ACCOUNT_VARIABLE = "LOCALCLOUD_ACCOUNT"


@dataclass(frozen=True)
class ShimConfig:
    """Which embedded cloud a command belongs to."""

    state_dir: Path
    account: str


def docker(arguments: Sequence[str], variables: Mapping[str, str]) -> int:
    """Runs `docker <arguments>`; returns the exit status. Raises the exceptions of errors.py."""
    parsed = _docker_parser().parse_args(arguments)
    registry = ImageRegistry(
        ShimConfig(Path(variables[STATE_VARIABLE]), variables[ACCOUNT_VARIABLE]), ecr=lambda: _ecr(variables)
    )
    commands: dict[str, Callable[[], None]] = {
        "build": lambda: _build(registry, parsed, variables),
        "push": lambda: _push(registry, parsed, variables),
        "tag": lambda: registry.tag(parsed.source, parsed.target),
        "login": lambda: _login(parsed, variables),
    }
    commands[parsed.command]()
    return 0


def aws(arguments: Sequence[str], variables: Mapping[str, str]) -> int:
    """Runs `aws <arguments>`; only `ecr get-login-password` exists."""
    parser = argparse.ArgumentParser(prog="aws", description="The embedded cloud's builds have this command only.")
    parser.add_argument("--region", default=None)
    parser.add_argument("service", choices=["ecr"])
    parser.add_argument("operation", choices=["get-login-password"])
    region = parser.parse_args(arguments).region
    api = _ecr({**variables, "AWS_REGION": region} if region else variables)
    try:
        token = api.call("GetAuthorizationToken")["authorizationData"][0]["authorizationToken"]
    except EcrError as error:
        raise RegistryRefused(str(error)) from error
    print(base64.b64decode(token).decode().partition(":")[2])
    return 0


def _docker_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="docker", description="Images without a container engine.")
    commands = parser.add_subparsers(dest="command", required=True)
    build = commands.add_parser("build")
    build.add_argument("-t", "--tag", action="append", required=True)
    build.add_argument("-f", "--file")
    build.add_argument("--build-arg", action="append", default=[])
    for ignored in ("--platform", "--progress", "--provenance", "--network"):
        build.add_argument(ignored)
    for ignored in ("--pull", "--no-cache", "--load", "--quiet", "-q"):
        build.add_argument(ignored, action="store_true")
    build.add_argument("context")
    commands.add_parser("push").add_argument("tag")
    tag = commands.add_parser("tag")
    tag.add_argument("source")
    tag.add_argument("target")
    login = commands.add_parser("login")
    login.add_argument("-u", "--username", required=True)
    login.add_argument("--password-stdin", action="store_true", required=True)
    login.add_argument("registry")
    return parser


def _build(registry: ImageRegistry, parsed: argparse.Namespace, variables: Mapping[str, str]) -> None:
    context = Path(parsed.context)
    dockerfile = Path(parsed.file) if parsed.file else context / "Dockerfile"
    arguments = {}
    for argument in parsed.build_arg:
        name, given, value = argument.partition("=")
        arguments[name] = value if given else variables.get(name, "")
    first, *others = parsed.tag
    registry.build(context, dockerfile, arguments, first, log=lambda line: print(line, flush=True))
    for tag in others:
        registry.tag(first, tag)


def _login(parsed: argparse.Namespace, variables: Mapping[str, str]) -> None:
    registry = parsed.registry.removeprefix("https://").rstrip("/")
    if parsed.username != "AWS" or not sys.stdin.read().strip():
        raise RegistryRefused(
            f"login attempt to https://{registry}/v2/ failed with status: 400 Bad Request: ECR takes the user name AWS"
            " and the password that `aws ecr get-login-password` prints"
        )
    path = _logins_file(variables)
    path.parent.mkdir(parents=True, exist_ok=True)
    # Which registries are logged in to is all that a push asks; it signs with the build's own credentials.
    path.write_text(json.dumps({"auths": {name: {} for name in {*_logins(variables), registry}}}), encoding="utf-8")
    print("Login Succeeded")


def _push(registry: ImageRegistry, parsed: argparse.Namespace, variables: Mapping[str, str]) -> None:
    target = reference.parse(parsed.tag)
    print(f"The push refers to repository [{target.name}]")
    if target.registry not in _logins(variables):
        raise RegistryRefused(f"no basic auth credentials: run `docker login` for {target.registry or 'one'}")
    digest = registry.push(parsed.tag)
    print(f"{target.tag}: digest: {digest}")


def _logins(variables: Mapping[str, str]) -> set[str]:
    path = _logins_file(variables)
    return set(json.loads(path.read_text(encoding="utf-8"))["auths"]) if path.is_file() else set()


def _logins_file(variables: Mapping[str, str]) -> Path:
    """The build's own: never the one of the user's real Docker."""
    return Path(variables["DOCKER_CONFIG"]) / "config.json"


def _ecr(variables: Mapping[str, str]) -> EcrApi:
    return EcrApi(
        endpoint_url=variables["AWS_ENDPOINT_URL"],
        region=variables["AWS_REGION"],
        access_key_id=variables["AWS_ACCESS_KEY_ID"],
        secret_access_key=variables["AWS_SECRET_ACCESS_KEY"],
        session_token=variables.get("AWS_SESSION_TOKEN"),
    )
