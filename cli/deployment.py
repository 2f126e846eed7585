"""`up`, `down` and `destroy`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from cli import descriptors, stack
from cli.destroy import Removal
from cli.errors import CliError
from cli.options import Cloud
from cli.progress import Board
from cli.target import Target

if TYPE_CHECKING:
    from cli.group import Session


def up(session: Session, workloads: Sequence[str], *, yes: bool) -> None:
    """Start the embedded cloud where it is the target, and deploy these workloads (none named: all)."""
    with Board(session.out) as board:
        if session.cloud is Cloud.LOCAL:
            target = deploy_locally(session, board, workloads=workloads)
        else:
            target = session.target()
            _deploy(session, target, board, workloads=workloads, approve_all=yes)
    session.out.print(f"API  {target.api_url(descriptors.api(target))}", highlight=False, soft_wrap=True)
    for workload in descriptors.workloads(target):
        session.out.print(f"Next: slipway train {workload['name']} --data FOLDER", highlight=False, soft_wrap=True)


def deploy_locally(session: Session, board: Board, *, workloads: Sequence[str]) -> Target:
    """Deploy to the embedded cloud, which is started where it does not run, and gets ready during the synthesis."""
    with board.phase("start embedded cloud"):
        target, ready = session.begin()
    _deploy(session, target, board, workloads=workloads, approve_all=True, ready=ready)
    return target


def _deploy(
    session: Session,
    target: Target,
    board: Board,
    *,
    workloads: Sequence[str],
    approve_all: bool,
    ready: Callable[[], None] = lambda: None,
) -> None:
    """`cdk deploy`, and beside its synthesis `cdk bootstrap`, where it was not done yet."""
    with board.phase("deploy") as phase:

        def show(line: str) -> None:
            if session.verbose:
                session.out.print(line, markup=False, highlight=False, soft_wrap=True)
            else:
                board.note(phase, stack.progress(line) or phase.detail, fleeting=True)

        stack.deploy(target, workloads=workloads, approve_all=approve_all, on_line=show, ready=ready)
        phase.detail = ""


def down(session: Session) -> None:
    """Stop the embedded cloud; refused for AWS, where nothing can be stopped without deleting it."""
    if session.cloud is Cloud.AWS:
        raise CliError("There is nothing to stop on AWS.", hint="To delete everything: slipway --target aws destroy")
    stopped = session.embedded.stop()
    session.out.print("The embedded cloud is stopped." if stopped else "The embedded cloud was not running.")


def destroy(session: Session, *, yes: bool) -> None:
    """Delete everything of the stage. Asks on a terminal; elsewhere `yes` must be given."""
    target = session.target()
    removal = Removal.of(target)
    if not yes:
        _confirm(session, target, removal)
    with Board(session.out) as board:
        removal.run(board)
    session.out.print(f"Stage {target.stage} is gone. CDK's own bootstrap stack (CDKToolkit) stays.", highlight=False)


def _confirm(session: Session, target: Target, removal: Removal) -> None:
    workloads = ", ".join(workload["name"] for workload in removal.workloads) or "no workload"
    question = (
        f"Delete stage {target.stage} ({target.name}): {workloads}, {len(removal.buckets)} buckets with all data?"
    )
    if not sys.stdin.isatty():
        raise CliError(f"{question} Not without --yes, because there is nobody to ask.", hint="slipway destroy --yes")
    if session.out.input(f"{question} [y/N] ").strip().lower() not in ("y", "yes"):
        raise CliError("Nothing was deleted.")
