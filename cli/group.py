"""What all commands share: common options in any place, one session, and errors as sentences."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperGroup

from cli.errors import CliError, explained
from cli.options import Cloud

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console

    from cli.embedded import EmbeddedCloud
    from cli.target import Target


@dataclass
class Session:
    """The common options of one command, and what follows from them."""

    cloud: Cloud
    stage: str
    region: str | None
    port: int | None
    state: Path | None
    verbose: bool
    debug: bool

    @cached_property
    def out(self) -> Console:
        """Standard output: results."""
        from rich.console import Console

        return Console()

    @cached_property
    def err(self) -> Console:
        """Standard error: progress of commands whose output is a result."""
        from rich.console import Console

        return Console(stderr=True)

    @cached_property
    def embedded(self) -> EmbeddedCloud:
        from cli.embedded import DEFAULT_STATE, EmbeddedCloud

        return EmbeddedCloud(state=self.state.resolve() if self.state else DEFAULT_STATE, port=self.port)

    def target(self) -> Target:
        """The cloud to talk to. The embedded one must run already."""
        from cli.embedded import bypass_proxies
        from cli.target import Target

        if self.cloud is Cloud.AWS:
            return Target(stage=self.stage, region=self.region)
        bypass_proxies(os.environ)
        return Target(stage=self.stage, endpoint=self.embedded.require())

    def begin(self) -> tuple[Target, Callable[[], None]]:
        """The embedded cloud, begun where it does not run, and what to call to wait until it is ready."""
        from cli.embedded import bypass_proxies
        from cli.target import Target

        bypass_proxies(os.environ)
        starting = self.embedded.begin()
        return Target(stage=self.stage, endpoint=starting.endpoint), starting.wait


class CommonOptionsGroup(TyperGroup):
    """Takes the group's own options after the command as well, and turns errors into a sentence and exit code 1."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return super().parse_args(ctx, self._hoisted(ctx, args))

    def _hoisted(self, ctx: Any, args: list[str]) -> list[str]:
        takes_value = {
            name: not getattr(parameter, "is_flag", False)
            for parameter in self.get_params(ctx)
            for name in parameter.opts
            if name not in ctx.help_option_names
        }
        ours: list[str] = []
        rest: list[str] = []
        remaining = iter(args)
        for argument in remaining:
            if argument == "--":
                rest += [argument, *remaining]
                break
            name, equals, _ = argument.partition("=")
            if name not in takes_value:
                rest.append(argument)
                continue
            ours.append(argument)
            if takes_value[name] and not equals:
                ours += [value for value in [next(remaining, None)] if value is not None]
        return ours + rest

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except Exception as error:
            if isinstance(ctx.obj, Session) and ctx.obj.debug:
                raise
            told = error if isinstance(error, CliError) else explained(error)
            if told is None:
                raise
            typer.echo(f"Error: {told.message}", err=True)
            if told.hint:
                typer.echo(told.hint, err=True)
            raise typer.Exit(1) from error
