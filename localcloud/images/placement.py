"""Which folders and files of an image's tree are laid over the machine's own when a container starts."""

from __future__ import annotations

from pathlib import Path

# Folders that hold things of the machine itself, or of the container's contract: never laid over as a whole.
_SHARED = frozenset(
    {"/", "/bin", "/etc", "/home", "/lib", "/lib64", "/media", "/mnt", "/opt", "/opt/ml", "/opt/ml/input", "/root"}
    | {"/run", "/sbin", "/srv", "/tmp", "/usr", "/usr/bin", "/usr/lib", "/usr/local", "/usr/local/bin"}  # noqa: S108
    | {"/usr/local/lib", "/usr/local/sbin", "/usr/local/share", "/usr/sbin", "/usr/share", "/var", "/var/lib"}
)
PROGRAM_FOLDERS = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")


def placements(rootfs: Path) -> tuple[tuple[Path, str], ...]:
    """(host path, container path) of the topmost entries that belong to the image alone, sorted."""
    return tuple(_below(rootfs, "/"))


def program_folders(rootfs: Path) -> tuple[Path, ...]:
    """The tree's folders that are on every PATH and hold something."""
    folders = (rootfs / folder.lstrip("/") for folder in PROGRAM_FOLDERS)
    return tuple(folder for folder in folders if folder.is_dir() and any(folder.iterdir()))


def _below(folder: Path, place: str) -> list[tuple[Path, str]]:
    found: list[tuple[Path, str]] = []
    for entry in sorted(folder.iterdir()):
        container_path = f"{place.rstrip('/')}/{entry.name}"
        if container_path in _SHARED and entry.is_dir():
            found += _below(entry, container_path)
        else:
            found.append((entry, container_path))
    return found
