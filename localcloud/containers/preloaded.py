"""A process that has imported an image's packages, of which each container's processes are forked.

Started with the image's own interpreter and environment as `python -c "... preloaded.main(control, modules, slow)"`. It
says READY on its control socket, then takes one request after the other, and answers each with the process id of what
was forked for it. It ends with its owner. The requests:

    LAUNCHER and the container's folder, with the descriptors of the container's standard input, output, status (see
    launcher.py) and end, which the launcher writes the container's exit code to;
    NETWORK and the kind of namespaces, with those of the holder's standard input and output (see namespaces.py).

Without modules, it is one whose launchers start every program anew.

What makes a fork different from a new interpreter is not there: importing has started no threads (this process refuses
to serve where it has), and takeover.py sets everything else that a new interpreter sets.
"""

import contextlib
import gc
import importlib
import os
import signal
import socket
import sys

from localcloud.containers import launcher, namespaces, takeover, understudy
from localcloud.containers.ending import Ending

READY = b"ready"
LAUNCHER, NETWORK = b"l", b"n"
_LARGEST_REQUEST = 1 + 4096
_DESCRIPTORS = 4
_THREADS = "/proc/self/task"
_OPEN_FILES = "/proc/self/fd"
_STANDARD = 3


def main(control: int, modules: str, slow: str) -> None:
    """Imports `modules` (separated by commas) and serves until the owner ends. `slow`: not empty where they compute, so
    that they begin with OpenBLAS, and read settings which a program may mean to set before it imports them.

    In a container's process it returns, or raises, as the container's program does.
    """
    line = socket.socket(fileno=control)
    sys.path[:] = [path for path in sys.path if path not in ("", sys.argv[1])]
    ending = Ending() if slow else None
    if modules:
        _import(modules.split(","), openblas=bool(slow))
    _check_open_files(control)
    if ending:
        ending.prepare()
    gc.collect()
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    line.sendall(READY)
    argv, environment = _serve(line, _taking_over(bool(slow)) if modules else os.execvpe)
    if ending:
        ending.arm()
    takeover.run(argv, environment)


def _serve(line: socket.socket, execute) -> tuple[list[str], dict[str, str]]:
    """Forks for every request. Returns in a container's process: its program's arguments and variables."""
    while True:
        request, descriptors, _, _ = socket.recv_fds(line, _LARGEST_REQUEST, _DESCRIPTORS)
        if not request:
            os._exit(0)
        pid = os.fork()
        if pid == 0:
            line.close()
            os.setsid()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            if request[:1] == NETWORK:
                _become_holder(os.fsdecode(request[1:]), *descriptors)
            try:
                _become_launcher(os.fsdecode(request[1:]), *descriptors, execute)
            except takeover.Begin as program:
                return program.argv, program.environment
        for descriptor in descriptors:
            os.close(descriptor)
        line.sendall(str(pid).encode())


def _import(modules: list[str], *, openblas: bool) -> None:
    """OpenBLAS first, numpy's and scipy's: its threads know of forks. A package that starts others cannot be forked."""
    for module in ("numpy", "scipy.linalg") if openblas else ():
        with contextlib.suppress(ImportError):
            importlib.import_module(module)
    threads = len(os.listdir(_THREADS))
    for module in modules:
        importlib.import_module(module)
    if len(os.listdir(_THREADS)) != threads:
        sys.exit(f"importing {', '.join(modules)} starts threads")


def _check_open_files(control: int) -> None:
    """`takeover` closes what `exec` would close: no package may need it."""
    opened = {int(name) for name in os.listdir(_OPEN_FILES)} - {*range(_STANDARD), control}
    if any(os.path.exists(f"{_OPEN_FILES}/{number}") for number in opened):  # the folder itself is closed by now
        sys.exit("importing opens files")


def _become_launcher(folder: str, stdin: int, stdout: int, status: int, end: int, execute) -> None:
    os.chdir(folder)
    _use(stdin, stdout)
    os.set_inheritable(end, False)
    code = launcher.launch(status, execute)
    os.write(end, str(code).encode())
    os._exit(code)


def _become_holder(kind: str, stdin: int, stdout: int) -> None:
    _use(stdin, stdout)
    try:
        namespaces.hold_network(kind)
    except SystemExit as failure:
        os.write(1, str(failure).encode())
    finally:
        os._exit(0)


def _use(stdin: int, stdout: int) -> None:
    for source, target in ((stdin, 0), (stdout, 1), (stdout, 2)):
        os.dup2(source, target)
    os.close(stdin)
    os.close(stdout)


def _taking_over(settings_read: bool):
    def execute(file: str, argv: list[str], environment: dict[str, str]) -> None:
        if not takeover.can_run(argv, environment, os.getcwd(), settings_read=settings_read):
            os.execvpe(file, argv, environment)  # noqa: S606
        takeover.close_files()
        if takeover.is_archive(argv):  # to any other program it would be a child that it never started
            understudy.prepare(settings_read=settings_read)
        raise takeover.Begin(argv, environment)

    return execute
