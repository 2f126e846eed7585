"""The options that every command has, as types for Typer."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Cloud(StrEnum):
    """The clouds there are."""

    LOCAL = "local"
    AWS = "aws"


TargetOption = Annotated[
    Cloud, typer.Option("--target", envvar="SLIPWAY_TARGET", help="The embedded cloud on this machine, or AWS.")
]
StageOption = Annotated[str, typer.Option("--stage", envvar="SLIPWAY_STAGE", help="The stage of the deployment.")]
RegionOption = Annotated[
    str | None, typer.Option("--region", help="AWS region. Default: as your AWS profile says. Only with --target aws.")
]
PortOption = Annotated[
    int | None,
    typer.Option("--port", envvar="SLIPWAY_PORT", min=1, max=65535, help="Port of the embedded cloud. Default: 4566."),
]
StateOption = Annotated[
    Path | None,
    typer.Option("--state", envvar="SLIPWAY_STATE", help="Folder of the embedded cloud. Default: .slipway/localcloud."),
]
VerboseOption = Annotated[bool, typer.Option("--verbose", help="Show what cdk prints.")]
DebugOption = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
