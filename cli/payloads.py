"""Request bodies as files: what a file holds, and what an answer is written as."""

from __future__ import annotations

import sys
from pathlib import Path

from cli.errors import CliError

JSON = "application/json"
_BY_SUFFIX = {".json": JSON, ".jsonl": "application/jsonlines", ".csv": "text/csv", ".npy": "application/x-npy"}
STANDARD_INPUT = "-"


def read(file: str) -> bytes:
    """The file's bytes, or those of standard input for `-`. Raises CliError."""
    if file == STANDARD_INPUT:
        return sys.stdin.buffer.read()
    if not Path(file).is_file():
        raise CliError(f"{file} is not a file.", hint="Give a file, or - to read standard input.")
    return Path(file).read_bytes()


def content_type(file: str) -> str:
    """The media type that the file's name stands for; JSON for standard input. Raises CliError for any other name."""
    suffix = Path(file).suffix.lower()
    if file == STANDARD_INPUT:
        return JSON
    if suffix not in _BY_SUFFIX:
        known = ", ".join(_BY_SUFFIX)
        raise CliError(
            f"What {file} holds cannot be told from its name: the known endings are {known}.",
            hint="Say it: --content-type video/mp4, for example.",
        )
    return _BY_SUFFIX[suffix]
