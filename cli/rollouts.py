"""`rollback`, `promote`, `traffic` and `approve`: a person's word in a rollout, each through the rollout machine."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cli import descriptors, runs
from cli.errors import CliError
from cli.progress import Board
from cli.target import Target

if TYPE_CHECKING:
    from cli.group import Session


def command(session: Session, workload: str, order: Mapping[str, Any], *, as_json: bool) -> None:
    """Start the rollout machine with `{"command": ...}` (docs/contract.md) and follow it; raises RunFailed."""
    target = session.target()
    descriptor = descriptors.workload(target, workload)
    name = f"{order['command']}-{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{secrets.token_hex(2)}"
    started = target.client("stepfunctions").start_execution(
        stateMachineArn=descriptor["rollout_state_machine_arn"], name=name, input=json.dumps(dict(order))
    )
    with Board(session.err) as board:
        output = runs.follow_rollout(target, descriptor, started["executionArn"], board)
    _show(session, output, as_json=as_json)


def approve(session: Session, workload: str, version: str | None, *, as_json: bool) -> None:
    """Approve a model version, by default the newest that waits for it, and follow its rollout."""
    target = session.target()
    descriptor = descriptors.workload(target, workload)
    package = _package(target, descriptor, version)
    started_before = runs.rollouts(target, descriptor)
    target.client("sagemaker").update_model_package(ModelPackageArn=package, ModelApprovalStatus="Approved")
    with Board(session.err) as board:
        with board.phase("approval event"):
            execution = runs.await_rollout(target, descriptor, package, before=started_before)
        output = runs.follow_rollout(target, descriptor, execution["executionArn"], board)
    _show(session, output, as_json=as_json)


def weights(pairs: Sequence[str]) -> dict[str, float]:
    """`["blue=90", "green=10"]` or `["blue=90,green=10"]` -> a weight of each variant. Raises CliError."""
    found: dict[str, float] = {}
    for pair in (part for text in pairs for part in text.split(",")):
        name, equals, weight = pair.partition("=")
        try:
            value = float(weight)
        except ValueError:
            value = -1.0
        if not name or not equals or not 0 <= value <= 1e6:
            raise CliError(f"{pair!r} is not VARIANT=WEIGHT.", hint="For example: blue=90,green=10")
        if name in found:
            raise CliError(f"Variant {name!r} is named twice.")
        found[name] = value
    return found


def _package(target: Target, descriptor: Mapping[str, Any], version: str | None) -> str:
    group = descriptor["model_package_group"]
    pages = (
        target.client("sagemaker")
        .get_paginator("list_model_packages")
        .paginate(ModelPackageGroupName=group, SortBy="CreationTime", SortOrder="Descending")
    )
    packages = [summary for page in pages for summary in page["ModelPackageSummaryList"]]
    for package in packages:
        waits = package["ModelApprovalStatus"] == "PendingManualApproval"
        if waits if version is None else str(package["ModelPackageVersion"]) == version:
            return package["ModelPackageArn"]
    known = ", ".join(f"{item['ModelPackageVersion']} ({item['ModelApprovalStatus']})" for item in packages)
    wanted = "that waits for approval" if version is None else version
    raise CliError(f"{descriptor['name']} has no model version {wanted}.", hint=f"There are: {known or 'none'}")


def _show(session: Session, output: Mapping[str, Any], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(dict(output), indent=2))
        return
    line = f"Model version {output['model_version']}: {output['outcome'].replace('_', ' ')}. {output['reason']}"
    session.out.print(line, highlight=False, soft_wrap=True)
