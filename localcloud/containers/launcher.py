"""The program between the owner and the user's process.

Started as `python -I -S -c "... launcher.main(status_fd)"`. It reads one JSON document, a line on standard input:

    {"argv": [...], "environment": {...}, "workdir": "/...", "namespaces": "root" | "user" | null, "hostname": "algo-1",
     "network": ["/proc/<pid>/ns/net"] | [], "scratch": "/...", "private_tmp": [folder, [kept names]] | null,
     "mounts": [[source, destination, access], ...]}

and keeps standard input open as its lifeline: end of file means that the owner is gone, and kills the container.
What goes wrong before the user's program starts is written to the status pipe; an empty status pipe means it started.
"""

import json
import os
import signal
import sys

from localcloud.containers import namespaces, reaper, syscalls
from localcloud.containers.mounts import MountTree

_SETUP_FAILED = 125  # Docker's exit code for "the container itself could not be started"


def main(status: int) -> None:
    """Starts the container, waits for it, and exits with its exit code."""
    os._exit(launch(status, os.execvpe))


def launch(status: int, execute) -> int:
    """Starts the container, waits for it, and returns its exit code.

    `execute(file, argv, environment)` replaces the forked process by the program, or raises OSError.
    """
    os.set_inheritable(status, False)
    try:
        request = json.loads(_read_line(0))
        signals = reaper.prepare_signals()
        if request["namespaces"]:
            _enter_namespaces(request)
            child = _fork_init(request, status, signals, execute)
        else:
            child = _fork_program(request, status, execute, new_group=True)
    except (OSError, ValueError, KeyError) as error:
        os.write(status, str(error).encode())
        return _SETUP_FAILED
    os.close(status)
    return reaper.supervise(child, signals, lifeline=0, group=not request["namespaces"])


def _read_line(descriptor: int) -> bytes:
    """Reads to the first newline without taking anything more from the pipe than the owner has written so far."""
    chunks = []
    while not chunks or not chunks[-1].endswith(b"\n"):
        chunk = os.read(descriptor, 65536)
        if not chunk:
            raise ValueError("the owner ended before it had said what to run")
        chunks.append(chunk)
    return b"".join(chunks)


def _enter_namespaces(request: dict) -> None:
    flags = syscalls.CLONE_NEWNS | syscalls.CLONE_NEWPID | syscalls.CLONE_NEWUTS
    if request["network"]:
        namespaces.join(request["network"])
        syscalls.unshare(flags)
    else:
        namespaces.create(flags, as_user=request["namespaces"] == "user")
    syscalls.mount("none", "/", None, syscalls.MS_REC | syscalls.MS_PRIVATE)
    syscalls.set_hostname(request["hostname"])
    _build_mounts(request)


def _build_mounts(request: dict) -> None:
    tree = MountTree(request["scratch"], privileged=request["namespaces"] == "root")
    if request["private_tmp"]:
        folder, keep = request["private_tmp"]
        tree.cover(folder, keep=set(keep))
    for source, destination, access in request["mounts"]:
        tree.place(source, destination, access=access)
    tree.ensure_folder(request["workdir"])


def _fork_init(request: dict, status: int, signals: int, execute) -> int:
    """Forks process 1 of the new namespace. When it ends, for whatever reason, the kernel ends all others in it."""
    alive, held = os.pipe()
    child = os.fork()
    if child:
        os.close(alive)
        return child
    try:
        syscalls.die_with_parent(signal.SIGKILL)
        os.close(held)
        os.set_blocking(alive, False)
        if _at_end(alive):  # the launcher died between the fork and the line above
            os._exit(_SETUP_FAILED)
        syscalls.mount("proc", "/proc", "proc", syscalls.MS_NOSUID | syscalls.MS_NODEV | syscalls.MS_NOEXEC)
        signals = reaper.prepare_signals()
        program = _fork_program(request, status, execute, new_group=False)
    except OSError as error:
        os.write(status, str(error).encode())
        os._exit(_SETUP_FAILED)
    os.close(status)
    os._exit(reaper.supervise(program, signals))


def _at_end(descriptor: int) -> bool:
    try:
        return os.read(descriptor, 1) == b""
    except BlockingIOError:
        return False


def _fork_program(request: dict, status: int, execute, *, new_group: bool) -> int:
    child = os.fork()
    if child:
        return child
    try:
        os.setsid() if not new_group else os.setpgid(0, 0)
        reaper.restore_signals()
        null = os.open("/dev/null", os.O_RDONLY)
        os.dup2(null, 0)
        os.makedirs(request["workdir"], exist_ok=True)
        os.chdir(request["workdir"])
        execute(request["argv"][0], request["argv"], request["environment"])
    except OSError as error:
        os.write(status, f"cannot start {request['argv'][0]!r}: {error.strerror}".encode())
    os._exit(_SETUP_FAILED)


if __name__ == "__main__":
    main(int(sys.argv[1]))
