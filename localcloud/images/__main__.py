"""`python -m localcloud.images`: environments for people, and the commands that a build's shims call.

environment [--image URI] [REQUIREMENTS_FILE ...]   build the environment, print its interpreter's path
prepare [URI ...]                                   build the environments of managed images (all) ahead
pin                                                 write requirements/<set>.txt anew from requirements/<set>.in
docker ..., aws ...                                 what a CodeBuild build calls
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from localcloud.images import managed, uv
from localcloud.images.docker import ACCOUNT_VARIABLE, STATE_VARIABLE, ShimConfig, aws, docker
from localcloud.images.registry import ImageRegistry

_PIN_NOTE = (
    "# Made by `python -m localcloud.images pin`: exact versions without GPU packages, on any machine the same.\n"
)


def main(arguments: Sequence[str]) -> int:
    """Returns the exit status; errors go to standard error in one line each."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    try:
        if arguments[:1] == ["docker"]:
            return docker(arguments[1:], os.environ)
        if arguments[:1] == ["aws"]:
            return aws(arguments[1:], os.environ)
        return _people(arguments)
    except (LookupError, ValueError, OSError, RuntimeError) as error:
        missing = isinstance(error, KeyError)
        print(f"Error: {f'{error.args[0]} is not set' if missing else error}", file=sys.stderr)
        return 1


def _people(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m localcloud.images", description=__doc__.partition("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    environment = commands.add_parser("environment", help="print the interpreter of an environment")
    environment.add_argument("--image", help="start from this image's environment instead of an empty one")
    environment.add_argument("files", nargs="*", type=Path, metavar="REQUIREMENTS_FILE")
    prepare = commands.add_parser("prepare", help="build the environments of managed images ahead")
    prepare.add_argument("images", nargs="*", metavar="URI", help="all images of the table where none is given")
    commands.add_parser("pin", help="write requirements/<set>.txt anew")
    parsed = parser.parse_args(arguments)
    if parsed.command == "pin":
        for name in managed.requirement_sets():
            _pin(managed.REQUIREMENTS / f"{name}.in")
        return 0
    registry = ImageRegistry(_config())
    if parsed.command == "prepare":
        prepared = [registry.resolve(uri).python for uri in parsed.images] or registry.prepare()
        print("\n".join(map(str, prepared)))
    else:
        image = registry.resolve(parsed.image) if parsed.image else registry.empty()
        print(image.with_requirements(parsed.files).python)
    return 0


def _pin(source: Path) -> None:
    pinned = uv.compile_pins(source, excludes=source.with_name("gpu-packages.in"))
    source.with_suffix(".txt").write_text(_PIN_NOTE + pinned, encoding="utf-8")


def _config() -> ShimConfig:
    state = os.environ.get(STATE_VARIABLE, ".slipway/localcloud")
    return ShimConfig(Path(state).resolve(), os.environ.get(ACCOUNT_VARIABLE, "000000000000"))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
