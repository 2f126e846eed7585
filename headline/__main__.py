"""`python -m headline [WORKLOAD ...]`: exits with 0 only when every figure is reached."""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from headline import report, row
from headline import run as running
from headline.slipway import ROOT, CommandFailed, Slipway

BUILD = ROOT / "build"
DOCS = ROOT / "docs" / "headline.md"
PORT = 4576


def main(arguments: Sequence[str]) -> int:
    rows = row.find()
    parser = argparse.ArgumentParser(prog="python -m headline", description=__doc__)
    parser.add_argument("workloads", nargs="*", metavar="WORKLOAD", help=f"one of {', '.join(rows)}; default: all")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data", help="default: %(default)s")
    parser.add_argument("--port", type=int, default=PORT, help="of the embedded cloud; default: %(default)s")
    parser.add_argument("--write-docs", action="store_true", help="write docs/headline.md as well")
    options = parser.parse_args(arguments)
    if unknown := [name for name in options.workloads if name not in rows]:
        parser.error(f"no row {', '.join(unknown)}: allowed: {', '.join(rows)}")
    chosen = [rows[name] for name in options.workloads or rows]
    if missing := missing_data(chosen, options.data):
        print(f"Error: the rows need data that is not there:\n{missing}\nName its folder: make headline DATA=FOLDER",
              file=sys.stderr)  # fmt: skip
        return 2
    return _run(chosen, options)


def missing_data(rows: Iterable[row.Row], data: Path) -> str:
    """A line for each row whose source is not in the data folder."""
    return "\n".join(
        f"  {one.workload}: {data / one.source}" for one in rows if one.source and not (data / one.source).is_dir()
    )


def _run(rows: Sequence[row.Row], options: argparse.Namespace) -> int:
    folder = BUILD / "headline"
    slipway = Slipway(state=folder / "cloud", port=options.port)
    _remove(slipway, folder)
    try:
        results = _results(rows, slipway, data=options.data, folder=folder / "data")
    finally:
        slipway.down()
    if options.write_docs:
        DOCS.write_text(report.page(results), encoding="utf-8")
    return 0 if all(result.passed for result in results) else 1


def _results(rows: Sequence[row.Row], slipway: Slipway, *, data: Path, folder: Path) -> list[running.Result]:
    """All rows, one after the other; also printed, and written to build/headline.json."""
    results: list[running.Result] = []
    for one in rows:
        print(f"{one.number} {one.workload} ...", file=sys.stderr, flush=True)
        found, failure = running.run(one, slipway, data=data, folder=folder / one.workload)
        results += found
        if failure:
            print(failure, file=sys.stderr, flush=True)
    print(report.table(results), flush=True)
    (BUILD / "headline.json").write_text(report.as_json(results), encoding="utf-8")
    return results


def _remove(slipway: Slipway, folder: Path) -> None:
    """What an earlier run left, which may be an embedded cloud that still runs."""
    if folder.exists():
        slipway.down()
        shutil.rmtree(folder)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except CommandFailed as error:
        sys.exit(f"Error: {error}")
