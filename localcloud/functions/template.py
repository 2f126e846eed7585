"""A process that has imported the packages of Lambda's Python runtime, of which execution environments are forked.

Started with the functions' interpreter as `python -c "... template.main(control)"`. It says READY on its control
socket, then takes one request after the other, each a JSON object:

    {"services": [...]}                                 services whose models functions will want; not answered
    {"argv", "environment", "folder"} and three descriptors
        an execution environment with these standard streams; answered with its process id and a descriptor of it
        (pidfd), or with NO where it has to start anew

No session, client or credential is made here: a function's process makes them, of its own environment. What else tells
it from a new interpreter's is set by containers/takeover.py. It ends with its owner.
"""

import contextlib
import gc
import importlib
import json
import os
import signal
import socket
import sys

from localcloud.containers import takeover

READY = b"ready"
NO = b"no"
LARGEST_REQUEST = 1 << 17
_STREAMS = 3
# The packages of the runtime, with what they import when the first client is made and calls.
_MODULES = (
    *("boto3.session", "botocore.client", "botocore.handlers", "botocore.httpsession", "boto3.s3.inject"),
    "encodings.idna",
)
# Read by the interpreter and the C libraries when they start; what packages read is noticed.
_READ_AT_START = ("PYTHON", "LD_", "GLIBC_", "MALLOC_", "OPENSSL_", "SSL", "LANG", "LC_", "TZ")


def main(control):
    """Serves until the owner ends. In a function's process it returns, or raises, as the function's program does."""
    line = socket.socket(fileno=control)
    sys.path[:] = [path for path in sys.path if path not in ("", sys.argv[1])]
    with _names_read() as names:
        for module in _MODULES:
            importlib.import_module(module)
    from localcloud.functions import prepared

    prepared.install()
    settings = _settings(os.environ, names)
    os.close(os.pidfd_open(os.getpid()))  # old kernels, and containers, refuse it: then nothing is forked at all
    line.sendall(READY)
    while True:
        gc.freeze()
        message, descriptors, _, _ = socket.recv_fds(line, LARGEST_REQUEST, _STREAMS)
        if not message:
            os._exit(0)
        request = json.loads(message)
        if "services" in request:
            prepared.services(request["services"])
        elif _settings(request["environment"], names) != settings or _has_own_modules(request["folder"]):
            line.sendall(NO)
        elif not _fork(line):
            break
        for descriptor in descriptors:
            os.close(descriptor)
    _take(request["folder"], descriptors)
    takeover.run(request["argv"], request["environment"])


def _fork(line):
    """Whether this is still the template, which has answered then."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    pid = os.fork()
    if pid == 0:
        return False
    descriptor = os.pidfd_open(pid)  # whose end cannot be missed: nobody collects it before the next line
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    socket.send_fds(line, [str(pid).encode()], [descriptor])
    os.close(descriptor)
    return True


def _take(folder, streams):
    os.chdir(folder)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    takeover.close_files()


def _has_own_modules(folder):
    """Whether the function brings a module that has been imported here already from elsewhere."""
    imported = {name.partition(".")[0] for name in sys.modules}
    return not imported.isdisjoint(name.partition(".")[0] for name in os.listdir(folder))


def _settings(environment, names):
    return {name: value for name, value in environment.items() if name in names or name.startswith(_READ_AT_START)}


@contextlib.contextmanager
def _names_read():
    """The names of the variables that are asked for meanwhile."""
    names, kind = set(), type(os.environ)
    original = kind.__getitem__

    def get(self, name):
        names.add(name)
        return original(self, name)

    kind.__getitem__ = get
    try:
        yield names
    finally:
        kind.__getitem__ = original
