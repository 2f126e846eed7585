"""`check`: the data checks of a workload's runs, on this machine and before anything is uploaded.

The checker and its rules are those that are deployed (`checks` of the descriptor, docs/contract.md): what passes here
passes there.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from cli import data, descriptors
from cli.errors import CliError, CommandFailed
from cli.target import Target

if TYPE_CHECKING:
    from cli.group import Session

SHOWN_FINDINGS = 20


def check(session: Session, name: str, *, folder: Path, as_json: bool) -> None:
    """Print the verdict on the files of `folder`; raises CliError when a run with them would be refused."""
    target = session.target()
    descriptor = descriptors.workload(target, name)
    assignment = data.assign(folder, descriptor["data"]["channels"])
    report = inspect(target, descriptor, assignment)
    if report is None:
        raise CliError(
            f"The manifest of {name} has no data.checks.", hint="docs/data-checks.md says how to write some."
        )
    if as_json:
        print(json.dumps(report, indent=2))
    if report["verdict"] != "accepted":
        raise refusal(report)
    if not as_json:
        session.out.print("\n".join(lines(report)), markup=False, highlight=False, soft_wrap=True)


def require_accepted(target: Target, descriptor: Mapping[str, Any], assignment: data.Assignment) -> list[str]:
    """What to say of data that may be uploaded (nothing when no file is bad, or none is checked); raises CliError for
    data that a run would refuse.
    """
    report = inspect(target, descriptor, assignment)
    if report is None or not report["findings"]:
        return []
    if report["verdict"] != "accepted":
        raise refusal(report)
    return lines(report)


def inspect(target: Target, descriptor: Mapping[str, Any], assignment: data.Assignment) -> dict[str, Any] | None:
    """The checker's report on the assigned files; None where the workload's manifest has no checks."""
    checks = descriptor["checks"]
    if checks is None:
        return None
    with TemporaryDirectory(prefix="slipway-check-") as scratch:
        folder = Path(scratch)
        program = _download(target, checks["checker_uri"], folder)
        rules = _download(target, checks["rules_uri"], folder)
        _lay_out(assignment, folder / "data")
        _run([program, f"--rules={rules}", f"--data={folder / 'data'}", f"--report={folder / 'report'}"])
        return json.loads((folder / "report" / "report.json").read_text("utf-8"))


def lines(report: Mapping[str, Any]) -> list[str]:
    """The verdict, and the findings with the values that they are about."""
    files = [file for checked in report["channels"].values() for file in checked]
    bad = sum(not file["good"] for file in files)
    text = [f"{report['verdict'].capitalize()}: {bad} of {len(files)} files are bad."]
    text += [f"  {_line(finding)}" for finding in report["findings"][:SHOWN_FINDINGS]]
    left = len(report["findings"]) + report["findings_left_out"] - SHOWN_FINDINGS
    return [*text, f"  and {left} more"] if left > 0 else text


def refusal(report: Mapping[str, Any]) -> CliError:
    return CliError(
        "\n".join(lines(report)),
        hint="Nothing was uploaded. Mend the files, or change data.checks of the manifest (docs/data-checks.md).",
    )


def _line(finding: Mapping[str, Any]) -> str:
    row = [f"row {finding['row']}"] if "row" in finding else []
    column = [f"column {finding['column']}"] if "column" in finding else []
    value = f" ({finding['value']!r})" if "value" in finding else ""
    return f"{', '.join([finding['file'], *row, *column])}: {finding['message']}{value}"


def _download(target: Target, uri: str, folder: Path) -> Path:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    path = folder / key.rsplit("/", 1)[-1]
    target.client("s3").download_file(bucket, key, str(path))
    return path


def _lay_out(assignment: data.Assignment, folder: Path) -> None:
    """Links that show the files as they will lie in the bucket: a sub-folder a channel."""
    for channel, paths in assignment.channels.items():
        for path in paths:
            link = folder / channel / assignment.name(channel, path)
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(path.resolve())


def _run(arguments: list[Path | str]) -> None:
    # The checker needs nothing but the standard library; isolated, it cannot pick up anything of the current folder.
    command = [sys.executable, "-I", *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own program
    if ended.returncode != 0:
        raise CommandFailed(f"The data checker failed:\n{ended.stderr.strip()}")
