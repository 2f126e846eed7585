"""Data sets: which file belongs to which channel, and how a data set gets into the bucket.

A data set is the folder `{workload}/{dataset}/` of the data bucket, with one sub-folder a channel and, beside them, an
optional `request.json`. Below its channel a file may lie in sub-folders; its path from there is its name. A run starts
by itself when every channel is complete (docs/contract.md, "Data bucket").
"""

from __future__ import annotations

import json
import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from cli.errors import CliError
from cli.target import Target

REQUEST_FILE = "request.json"


@dataclass(frozen=True)
class Assignment:
    """Which files of `folder` go to which channel, and which fit none."""

    folder: Path
    channels: Mapping[str, Sequence[Path]]
    ignored: Sequence[Path]

    def name(self, channel: str, path: Path) -> str:
        """The file's name in its channel: its path below the channel's sub-folder, where it lies in that."""
        return _name(self.folder, channel, path)

    def in_upload_order(self, patterns: Mapping[str, Sequence[str]]) -> list[tuple[str, Path]]:
        """(channel, path) of every file, with those that alone match one of the channel's patterns last.

        A data set is complete, and starts a run, when each pattern has a match; the last file to be uploaded should be
        the one that completes it.
        """
        matched = Counter(
            (channel, pattern)
            for channel, paths in self.channels.items()
            for path in paths
            for pattern in _matching(self.name(channel, path), patterns[channel])
        )

        def completes(item: tuple[str, Path]) -> bool:
            channel, path = item
            found = _matching(self.name(channel, path), patterns[channel])
            return any(matched[channel, pattern] == 1 for pattern in found)

        files = [(channel, path) for channel, paths in self.channels.items() for path in paths]
        return sorted(files, key=completes)


def assign(folder: Path, channels: Mapping[str, Sequence[str]]) -> Assignment:
    """Sort the files of `folder` into channels by the channels' file patterns.

    A file lies either in the folder itself, where the patterns alone decide, or anywhere below a sub-folder named as a
    channel, to which it then belongs. Raises CliError that names the files that are missing or fit several channels.
    """
    if not folder.is_dir():
        raise CliError(f"{folder} is not a folder.", hint="Give the folder that holds the files of the data set.")
    assigned: dict[str, list[Path]] = {channel: [] for channel in channels}
    ignored: list[Path] = []
    for path in _files(folder, channels):
        home = path.relative_to(folder).parts[0] if path.parent != folder else None
        fits = [
            name
            for name, patterns in channels.items()
            if home in (None, name) and _matching(_name(folder, name, path), patterns)
        ]
        if len(fits) > 1:
            raise CliError(
                f"{path} fits the channels {' and '.join(fits)}.",
                hint=f"Put it into a sub-folder named as its channel: {folder / fits[0]}/{path.name}",
            )
        (assigned[fits[0]] if fits else ignored).append(path)
    _require_complete(folder, channels, assigned)
    return Assignment(folder=folder, channels=assigned, ignored=ignored)


def _files(folder: Path, channels: Iterable[str]) -> list[Path]:
    below = [path for channel in channels for path in (folder / channel).rglob("*")]
    found = [path for path in (*folder.iterdir(), *below) if path.is_file()]
    return sorted(path for path in found if not any(part.startswith(".") for part in path.relative_to(folder).parts))


def _name(folder: Path, channel: str, path: Path) -> str:
    home = folder if path.parent == folder else folder / channel
    return path.relative_to(home).as_posix()


def _matching(name: str, patterns: Sequence[str]) -> list[str]:
    return [pattern for pattern in patterns if fnmatchcase(name, pattern)]


def missing_patterns(patterns: Sequence[str], names: Iterable[str]) -> list[str]:
    """The patterns of a channel that no file name matches."""
    names = list(names)
    return [pattern for pattern in patterns if not any(fnmatchcase(name, pattern) for name in names)]


def _require_complete(folder: Path, channels: Mapping[str, Sequence[str]], assigned: Mapping[str, list[Path]]) -> None:
    missing = [
        f"  channel {channel}: {pattern}"
        for channel, patterns in channels.items()
        for pattern in missing_patterns(patterns, [_name(folder, channel, path) for path in assigned[channel]])
    ]
    if missing:
        present = ", ".join(sorted(path.name for path in folder.iterdir())) or "nothing"
        raise CliError(
            f"{folder} is not a complete data set. Missing:\n" + "\n".join(missing),
            hint=f"The folder holds {present}.",
        )


def new_dataset_name() -> str:
    """A name that sorts by time (UTC) and that two people do not choose at once: `YYYYMMDD-HHMMSS-xxxx`."""
    return f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{secrets.token_hex(2)}"


def upload(
    target: Target,
    descriptor: Mapping[str, Any],
    assignment: Assignment,
    hyperparameters: Mapping[str, str],
    on_file: Callable[[Path], None] = lambda path: None,
    imported_model: str | None = None,
) -> str:
    """Write a fresh data set and return its name. The last file that lands starts the run."""
    dataset = new_dataset_name()
    files = assignment.in_upload_order(descriptor["data"]["channels"])
    write_request(target, descriptor, dataset, hyperparameters, imported_model, objects=len(files))
    for channel, path in files:
        on_file(path)
        key = f"{descriptor['data']['prefix']}{dataset}/{channel}/{assignment.name(channel, path)}"
        target.client("s3").upload_file(str(path), descriptor["data"]["bucket"], key)
    return dataset


def write_request(
    target: Target,
    descriptor: Mapping[str, Any],
    dataset: str,
    hyperparameters: Mapping[str, str],
    imported_model: str | None = None,
    *,
    objects: int | None = None,
) -> None:
    """Write `request.json` of a data set; in a complete data set this starts a run.

    With `objects` it is complete only when it holds so many: while files that one pattern matches still come, no run
    starts on some of them.
    """
    request: dict[str, Any] = {"hyperparameters": dict(hyperparameters)} | (
        {"imported_model": imported_model} if imported_model else {}
    )
    request |= {"objects": objects} if objects is not None else {}
    target.client("s3").put_object(
        Bucket=descriptor["data"]["bucket"],
        Key=f"{descriptor['data']['prefix']}{dataset}/{REQUEST_FILE}",
        Body=json.dumps(request).encode(),
        ContentType="application/json",
    )


def newest_dataset(target: Target, descriptor: Mapping[str, Any]) -> str:
    """The complete data set that was written to last; raises CliError when there is none."""
    written: dict[str, list[tuple[Any, str]]] = {}
    prefix = descriptor["data"]["prefix"]
    pages = (
        target.client("s3")
        .get_paginator("list_objects_v2")
        .paginate(Bucket=descriptor["data"]["bucket"], Prefix=prefix)
    )
    for page in pages:
        for item in page.get("Contents", []):
            dataset, _, rest = item["Key"].removeprefix(prefix).partition("/")
            written.setdefault(dataset, []).append((item["LastModified"], rest))
    channels = descriptor["data"]["channels"]
    complete = [name for name, objects in written.items() if _is_complete([key for _, key in objects], channels)]
    if not complete:
        raise CliError(
            f"The data bucket holds no complete data set of {descriptor['name']}.",
            hint=f"Upload one: slipway train {descriptor['name']} --data FOLDER",
        )
    return max(complete, key=lambda name: max(modified for modified, _ in written[name]))


def _is_complete(keys: Sequence[str], channels: Mapping[str, Sequence[str]]) -> bool:
    return not any(
        missing_patterns(patterns, [key.removeprefix(f"{channel}/") for key in keys if key.startswith(f"{channel}/")])
        for channel, patterns in channels.items()
    )
