"""A script that a preloaded program starts with its own interpreter begins preloaded as well (standard library only).

A training job's first process is often a small one, an archive, that starts the script that trains. Before such a
program begins, its process forks an understudy, which waits, as fresh as the program itself is then. The first
`subprocess` that would start this interpreter anew with a script gets the understudy: it takes over the descriptors,
the folder, the environment, and becomes the script. Whatever it is not made for goes the ordinary way.
"""

import fcntl
import json
import os
import socket
import subprocess
import sys
import threading

from localcloud.containers import takeover

# fork_exec(args, executables, close_fds, pass_fds, cwd, env, p2cread, p2cwrite, c2pread, c2pwrite, errread, errwrite,
#           errpipe_read, errpipe_write, restore_signals, new_session, process_group, gid, groups, uid, umask,
#           preexec_fn, vfork): Python 3.11 to 3.13
_ARGUMENTS = 23
_OUT_OF_THE_WAY = 200  # a program's own files have the numbers that they have elsewhere
_LARGEST_REQUEST = 1 << 20


def prepare(*, settings_read):
    """Forks the understudy and lets `subprocess` know; on another Python than it is made for, does nothing. For
    `settings_read` see takeover.py.

    Raises takeover.Begin in the understudy when it is needed.
    """
    original = getattr(subprocess, "_fork_exec", None)
    if original is None or sys.version_info[:2] > (3, 13):
        return
    near, other = socket.socketpair()
    with near:  # kept as a number: Python warns at its end of sockets that nobody closed
        own = fcntl.fcntl(near, fcntl.F_DUPFD_CLOEXEC, _OUT_OF_THE_WAY)
    owner, pid = os.getpid(), os.fork()
    if pid == 0:
        os.close(own)
        _wait(other)
    other.close()

    def fork_exec(*arguments):
        nonlocal own
        request = own is not None and os.getpid() == owner and _request(arguments, settings_read)
        if not request:
            return original(*arguments)
        subprocess._fork_exec = original
        descriptors = [descriptor for descriptor in request.pop("descriptors") if descriptor >= 0]
        with socket.socket(fileno=own) as line:
            socket.send_fds(line, [json.dumps(request).encode()], descriptors)
        own = None
        return pid

    subprocess._fork_exec = fork_exec


def _request(arguments, settings_read):
    """What the understudy has to know; None where it cannot stand in."""
    if len(arguments) != _ARGUMENTS or threading.active_count() > 1:
        return None
    args, _, close_fds, pass_fds, cwd, env = arguments[:6]
    standard = [arguments[place] for place in (6, 9, 11)]
    errpipe = arguments[13]
    new_session, process_group, gid, groups, uid, umask, preexec = arguments[15:22]
    unusual = (new_session, process_group != -1, gid is not None, groups is not None, uid is not None, umask != -1)
    if any(unusual) or preexec is not None or not close_fds or set(pass_fds) != {errpipe}:
        return None
    environment = dict(os.environ)
    if env is not None:
        environment = dict(os.fsdecode(pair).split("=", 1) for pair in env)
    argv = [os.fsdecode(argument) for argument in args]
    folder = os.path.abspath(os.fsdecode(cwd)) if cwd is not None else os.getcwd()
    if not takeover.can_run(argv, environment, folder, settings_read=settings_read):
        return None
    request = {"argv": argv, "environment": environment, "folder": folder}
    if len(json.dumps(request)) > _LARGEST_REQUEST // 8:  # of what a socket takes at once
        return None
    return {**request, "given": [descriptor >= 0 for descriptor in standard], "descriptors": [errpipe, *standard]}


def _wait(line):
    message, descriptors, _, _ = socket.recv_fds(line, _LARGEST_REQUEST, 4)
    if not message:
        os._exit(0)  # nobody needed it
    line.close()
    request = json.loads(message)
    started, *standard = descriptors
    for number, given in enumerate(request["given"]):
        if given:
            os.dup2(standard.pop(0), number)
    for descriptor in descriptors[1:]:
        os.close(descriptor)
    os.chdir(request["folder"])
    os.close(started)  # as `exec` does: nothing was written, so it worked
    raise takeover.Begin(request["argv"], request["environment"])
