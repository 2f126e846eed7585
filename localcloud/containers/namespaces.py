"""Entering and holding Linux namespaces, inside the launcher and the holder of a network (standard library only)."""

import fcntl
import os
import socket
import struct
import sys

from localcloud.containers import syscalls

_SIOCSIFFLAGS = 0x8914
_IFF_UP = 1
READY = b"ready\n"
ASK = b"?"


def create(flags: int, *, as_user: bool) -> None:
    """New namespaces; `as_user` owns them by a user namespace in which this user is root. Raises OSError."""
    if not as_user:
        syscalls.unshare(flags)
        return
    user, group = os.geteuid(), os.getegid()
    syscalls.unshare(flags | syscalls.CLONE_NEWUSER)
    _write("/proc/self/setgroups", "deny")
    _write("/proc/self/uid_map", f"0 {user} 1")
    _write("/proc/self/gid_map", f"0 {group} 1")


def join(paths: list[str]) -> None:
    """Enters the namespaces that these files of /proc stand for, in this order. Raises OSError."""
    for path in paths:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            syscalls.set_namespace(descriptor)
        finally:
            os.close(descriptor)


def hold_network(namespaces: str) -> None:
    """The holder's program: makes a network with nothing but loopback, says READY, and keeps it until standard input
    ends, as it does when the owner dies.

    Standard input is a stream socket: each ASK on it is answered with a TCP socket of this network.
    """
    try:
        create(syscalls.CLONE_NEWNET, as_user=namespaces == "user")
        _bring_loopback_up()
    except OSError as error:
        sys.exit(str(error))
    os.write(1, READY)
    with socket.socket(fileno=0) as owner:
        while owner.recv(len(ASK)):
            with socket.socket() as made:
                socket.send_fds(owner, [ASK], [made.fileno()])


def _bring_loopback_up() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as channel:
        fcntl.ioctl(channel, _SIOCSIFFLAGS, struct.pack("16sh22x", b"lo", _IFF_UP))


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="ascii") as file:
        file.write(text)
