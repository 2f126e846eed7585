"""Which preloaded processes (preloading.py) this machine used last, and for which images: a small file that every
embedded cloud of the user writes and reads. It holds no variable but those of the image and of packages' settings.
"""

from __future__ import annotations

import json
import logging
import os
import re
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from localcloud.containers import isolation

log = logging.getLogger(__name__)

_MOST = 8  # of each kind
_SETTINGS = re.compile(r"PATH|LANG|(?:PYTHON|OMP_|GOMP_|KMP_|MKL_|OPENBLAS_|NUMEXPR_|ATEN_|TORCH_|PYTORCH_)\w*")


@dataclass(frozen=True)
class Use:
    """A process of the interpreter `python` with these variables, and with its slow packages or without, served
    containers of `image`, `repository:tag`. To an embedded cloud that is installed elsewhere than in the folder `cloud`
    it is of no use: PATH differs.
    """

    image: str
    python: str
    variables: dict[str, str]
    slow: bool
    cloud: str = field(default_factory=lambda: isolation.import_root())


class Remembered:
    """`file`: where it is kept; its folder is made when something is. From any thread."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._last: dict[tuple[str, bool], Use] = {}

    def add(self, uri: str, python: Path, variables: Mapping[str, str], own: Mapping[str, str], *, slow: bool) -> None:
        """A container of the image `uri` was forked; `own` are the image's variables. Where a job has set others than
        packages' settings, nothing is kept: they may be secrets. Where it cannot be written, the next time is slower.
        """
        if any(name not in own and not _SETTINGS.fullmatch(name) for name in variables):
            return
        use = Use(_name(uri), str(python), dict(variables), slow)
        with self._lock:
            if use != self._last.get((use.image, slow)):
                self._last[use.image, slow] = use
                try:
                    self._write([use, *(other for other in self._read() if other != use)])
                except OSError as error:
                    log.warning("%s is not kept: %s", self._file, error)

    def named_in(self, text: str) -> list[Use]:
        """Of each image that the text names, what was used last of both kinds, the newest first."""
        newest: dict[tuple[str, bool], Use] = {}
        for use in self._own():
            if use.image in text:
                newest.setdefault((use.image, use.slow), use)
        return list(newest.values())

    def newest(self) -> list[Use]:
        """The last one with slow packages, if any."""
        return [use for use in self._own() if use.slow][:1]

    def _own(self) -> list[Use]:
        return [use for use in self._read() if use.cloud == isolation.import_root()]

    def _read(self) -> list[Use]:
        try:
            return [Use(**entry) for entry in json.loads(self._file.read_text(encoding="utf-8"))]
        except FileNotFoundError:
            return []
        except (OSError, ValueError, TypeError) as error:
            log.warning("%s is left out: %s", self._file, error)
            return []

    def _write(self, uses: list[Use]) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        temporary = self._file.with_suffix(f".{os.getpid()}.tmp")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            there = [use for use in uses if Path(use.cloud).is_dir()]
            kept = [use for kind in (True, False) for use in [use for use in there if use.slow is kind][:_MOST]]
            json.dump([asdict(use) for use in kept], file, indent=1)
        temporary.replace(self._file)


def _name(uri: str) -> str:
    """Without its registry, whose account and region are looked up at deployment."""
    return uri.rpartition("/")[2]
