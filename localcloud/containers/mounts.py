"""The private mount tree of one container.

A destination may be a path that the host does not have. Nothing may be created on the host for it, so the nearest
existing folder above it is covered by a tmpfs that shows the same entries (bind mounts) plus the new name.
All of it is visible inside the container's mount namespace only, and is gone with its last process.
"""

import os
import stat

from localcloud.containers import syscalls


class MountTree:
    """Places files and folders at paths of the container.

    Args:
        scratch: an existing folder of the container's own, used for mount points while the tree is built.
            What the container writes to private folders is kept there too. It becomes the current folder, because
            a relative path still leads there when a folder above it is covered.
        privileged: whether the namespace was made by root; others need another kind of overlay.
    """

    def __init__(self, scratch: str, *, privileged: bool) -> None:
        self._scratch = scratch
        self._overlay_options = "" if privileged else ",userxattr"
        os.chdir(scratch)
        self._covered: set[str] = set()
        self._holds = 0

    def place(self, source: str, destination: str, *, access: str) -> None:
        """Shows the host's `source` (file or folder) at `destination` (absolute).

        Args:
            access: "shared" (writing reaches the host), "read-only", or "private" (writing stays in the container: an
                overlay; a file, or a folder on a machine that cannot overlay it, is read-only instead).
        """
        if os.path.isdir(source):
            self.ensure_folder(destination)
        else:
            self.ensure_folder(os.path.dirname(destination))
            self._ensure_entry(destination, is_folder=False)
        if access != "private" or not self._overlay(source, destination):
            syscalls.mount(source, destination, None, syscalls.MS_BIND | syscalls.MS_REC)
            if access != "shared":
                _remount_read_only(destination)
        self._forget_below(destination)

    def ensure_folder(self, path: str) -> None:
        """Makes `path` exist as a folder inside the container."""
        current = "/"
        for name in [part for part in path.split("/") if part]:
            current = os.path.join(current, name)
            self._ensure_entry(current, is_folder=True)

    def cover(self, folder: str, *, keep: set[str] | None = None) -> None:
        """Covers `folder` by a tmpfs that shows its present entries, or only those named in `keep`."""
        mode = stat.S_IMODE(os.stat(folder).st_mode)
        if folder == "/":
            self._cover_root(mode)
        else:
            hold = self._new_hold()
            syscalls.mount(folder, hold, None, syscalls.MS_BIND | syscalls.MS_REC)
            syscalls.mount("tmpfs", folder, "tmpfs", syscalls.MS_NOSUID | syscalls.MS_NODEV, f"mode={mode:o}")
            _show_entries(hold, folder, keep)
            syscalls.unmount(hold)
        self._covered.add(folder)

    def _ensure_entry(self, path: str, *, is_folder: bool) -> None:
        if os.path.lexists(path):
            return
        parent = os.path.dirname(path)
        if parent not in self._covered:
            self.cover(parent)
        _make_entry(path, is_folder=is_folder)
        if is_folder:
            self._covered.add(path)

    def _cover_root(self, mode: int) -> None:
        new_root = self._new_hold()
        syscalls.mount("tmpfs", new_root, "tmpfs", syscalls.MS_NOSUID | syscalls.MS_NODEV, f"mode={mode:o}")
        _show_entries("/", new_root, None)
        syscalls.pivot_root(new_root)
        os.chdir(self._scratch)

    def _overlay(self, source: str, destination: str) -> bool:
        if not os.path.isdir(source) or any(mark in source + self._scratch for mark in ":,\\"):
            return False
        upper, work = (os.path.join(self._scratch, self._new_hold()) for _ in range(2))
        options = f"lowerdir={source},upperdir={upper},workdir={work}{self._overlay_options}"
        try:
            syscalls.mount("overlay", destination, "overlay", 0, options)
        except OSError:
            return False
        return True

    def _forget_below(self, destination: str) -> None:
        self._covered = {path for path in self._covered if not f"{path}/".startswith(f"{destination}/")}

    def _new_hold(self) -> str:
        self._holds += 1
        name = f"hold-{self._holds}"
        os.mkdir(name)
        return name


def _show_entries(source: str, target: str, keep: set[str] | None) -> None:
    with os.scandir(source) as entries:
        for entry in entries:
            if keep is not None and entry.name not in keep:
                continue
            shown = os.path.join(target, entry.name)
            if entry.is_symlink():
                os.symlink(os.readlink(entry.path), shown)
                continue
            _make_entry(shown, is_folder=entry.is_dir())
            syscalls.mount(entry.path, shown, None, syscalls.MS_BIND | syscalls.MS_REC)


def _make_entry(path: str, *, is_folder: bool) -> None:
    if is_folder:
        os.mkdir(path)
    else:
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o644))


def _remount_read_only(path: str) -> None:
    """Keeps the flags that the mount already has: without privileges the kernel refuses to drop any."""
    present = os.statvfs(path).f_flag & (syscalls.MS_NOSUID | syscalls.MS_NODEV | syscalls.MS_NOEXEC)
    syscalls.mount("none", path, None, syscalls.MS_REMOUNT | syscalls.MS_BIND | syscalls.MS_RDONLY | present)
