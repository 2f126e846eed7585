"""The command line of every benchmark: `python -m benchmarks.NAME [--rounds N] [--json FILE] [--write-docs]`."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path

from benchmarks.report import show, write_docs
from benchmarks.results import Result


def main(
    name: str,
    doc: str,
    measure: Callable[[argparse.Namespace], Result],
    *,
    rounds: int = 5,
    add_options: Callable[[argparse.ArgumentParser], None] | None = None,
) -> None:
    """Measures and reports. `doc` is the module's docstring: its first line becomes the title of the page in
    docs/benchmarks, what is indented is left out there. `measure` gets `rounds` and what `add_options` added.
    """
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=rounds, help="of each side, in turns (%(default)s)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the result there")
    parser.add_argument("--write-docs", action="store_true", help=f"write docs/benchmarks/{name}.{{json,md,svg}}")
    if add_options:
        add_options(parser)
    arguments = parser.parse_args()
    result = measure(arguments)
    show(result)
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=1) + "\n")
    if arguments.write_docs:
        write_docs(name, doc, result)
