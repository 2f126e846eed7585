"""What every check and loader raises."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class RefusedArtifact(ValueError):
    """A model file that is not what it is called, or could run code. The message starts with the file's name."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path.name}: {reason}")


@contextmanager
def refused(path: Path, what: str) -> Iterator[None]:
    """Whatever a framework raises over a file, which could be read, becomes RefusedArtifact: it is not `what`."""
    try:
        yield
    except (RefusedArtifact, ImportError):
        raise
    except Exception as error:  # each framework has errors of its own, h5py OSError
        told = (str(error).splitlines() or [""])[0][:200]
        raise RefusedArtifact(path, f"not {what}: {type(error).__name__}: {told}") from error
