"""The command line of the embedded cloud."""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path

from localcloud import config, lifecycle


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status: 1 for a failure, and for ``status`` when nothing runs."""
    parsed = _parser().parse_args(arguments)
    try:
        return parsed.run(parsed)
    except lifecycle.LifecycleError as error:
        print(f"localcloud: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        if error.filename is None:
            raise
        message = f"{error.filename} cannot be used: {error.strerror}; make it writable, or choose another --state"
        print(f"localcloud: {message}", file=sys.stderr)
        return 1


def _start(parsed: argparse.Namespace) -> int:
    listening = (lambda address: print(json.dumps(address), flush=True)) if parsed.announce else None
    print(json.dumps(lifecycle.start(parsed.state.resolve(), parsed.port, listening=listening)))
    return 0


def _stop(parsed: argparse.Namespace) -> int:
    if not lifecycle.stop(parsed.state.resolve()):
        print(f"no embedded cloud runs in {parsed.state}", file=sys.stderr)
    return 0


def _status(parsed: argparse.Namespace) -> int:
    running = lifecycle.status(parsed.state.resolve())
    if running is None:
        print(f"no embedded cloud runs in {parsed.state}", file=sys.stderr)
        return 1
    print(json.dumps(running))
    return 0


def _interrupt(parsed: argparse.Namespace) -> int:
    document = {"capacity_after_seconds": parsed.capacity_after}
    return _disrupt(parsed, f"training-jobs/{parsed.job}/interruptions", document)


def _fail(parsed: argparse.Namespace) -> int:
    return _disrupt(parsed, f"training-jobs/{parsed.job}/internal-errors", {})


def _maintain(parsed: argparse.Namespace) -> int:
    return _disrupt(parsed, f"endpoints/{parsed.endpoint}/maintenances", {})


def _crash(parsed: argparse.Namespace) -> int:
    return _disrupt(parsed, f"functions/{parsed.function}/crashes", {})


def _throttle(parsed: argparse.Namespace) -> int:
    return _disrupt(parsed, "throttlings", {"share": parsed.share, "seconds": parsed.seconds})


def _disrupt(parsed: argparse.Namespace, path: str, document: dict[str, float]) -> int:
    from localcloud import administration  # heavy, and of no use to the other commands

    running = lifecycle.status(parsed.state.resolve())
    if running is None:
        raise lifecycle.LifecycleError(f"no embedded cloud runs in {parsed.state}")
    try:
        administration.request(running, f"{administration.PREFIX}{path}", document)
    except administration.AdministrationError as error:
        raise lifecycle.LifecycleError(str(error)) from error
    return 0


def _serve(parsed: argparse.Namespace) -> int:
    from localcloud import server  # heavy, and of no use to the other commands

    listener = None if parsed.listener is None else lifecycle.listener_of(parsed.listener)
    return server.serve(config.load(parsed.state, parsed.port), listener)


def _port(text: str) -> int:
    number = int(text)
    if not 1 <= number <= 65535:
        raise argparse.ArgumentTypeError(f"{text} is not between 1 and 65535")
    return number


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 <= seconds < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is not a number of seconds, 0 or more")
    return seconds


def _share(text: str) -> float:
    share = float(text)
    if not 0 <= share <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 1")
    return share


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m localcloud", description="The embedded cloud on loopback.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, run, text in (
        ("start", _start, "start it in the background, print one line of JSON when it is ready"),
        ("stop", _stop, "stop it and everything it started"),
        ("status", _status, "print the same JSON; exit status 1 when it does not run"),
        ("serve", _serve, "run it in the foreground"),
        ("interrupt", _interrupt, "take the spot instances of a training job away: SIGTERM, 120 s, SIGKILL"),
        ("fail", _fail, "let a training job meet an InternalServerError, which its RetryStrategy retries"),
        ("maintain", _maintain, "replace an endpoint's instances one by one while it serves (SystemUpdating)"),
        ("crash", _crash, "kill the process of a Lambda function in the middle of its next invocation"),
        ("throttle", _throttle, "answer a share of the calls of SageMaker with ThrottlingException for a while"),
    ):
        command = commands.add_parser(name, help=text, description=text)
        command.set_defaults(run=run)
        command.add_argument("--state", type=Path, default=config.DEFAULT_STATE, help="state folder (%(default)s)")
        if name in ("interrupt", "fail"):
            command.add_argument("job", metavar="JOB", help="name of a running training job")
        if name == "maintain":
            command.add_argument("endpoint", metavar="ENDPOINT", help="name of an endpoint that is in service")
        if name == "crash":
            command.add_argument("function", metavar="FUNCTION", help="name of a function")
        if name == "throttle":
            command.add_argument("--share", type=_share, default=0.3, help="of the calls, 0 to 1 (%(default)s)")
            command.add_argument("--seconds", type=_seconds, default=60.0, help="how long (%(default)s)")
        if name == "interrupt":
            command.add_argument(
                "--capacity-after",
                type=_seconds,
                default=0.0,
                metavar="SECONDS",
                help="there are spot instances again after that (%(default)s)",
            )
        if name == "start":
            command.add_argument(
                "--announce", action="store_true", help="print a line also when it listens: what is sent then, waits"
            )
        if name == "serve":
            command.add_argument("--listener", type=int, help=argparse.SUPPRESS)  # from `start`
        if name in ("start", "serve"):
            command.add_argument("--port", type=_port, default=config.DEFAULT_PORT, help="port (%(default)s)")
    return parser
