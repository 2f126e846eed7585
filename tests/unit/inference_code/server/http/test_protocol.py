"""Clients that keep the server waiting, or say too much."""

from __future__ import annotations

import contextlib
import signal
import socket
from collections.abc import Iterator

import pytest

ECHO = {"inference.py": "def predict_fn(data, model):\n    return data\n"}
HEAD = b"POST /invocations HTTP/1.1\r\nhost: a\r\ncontent-length: 18\r\n"
BODY = b'{"instances": [1]}'
TOO_LARGE = b"POST /invocations HTTP/1.1\r\nhost: a\r\ncontent-length: 7000000\r\n\r\n{"


@pytest.fixture(scope="module")
def impatient(make_container, start):
    """One second for a request to arrive."""
    return start(make_container().with_code(ECHO), SAGEMAKER_MODEL_SERVER_TIMEOUT="1")


@contextlib.contextmanager
def connected(server) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as opened:
        yield opened


def until_the_end(connection: socket.socket) -> bytes:
    received = b""
    with contextlib.suppress(ConnectionResetError):  # it was closed while we were still sending
        while part := connection.recv(65536):
            received += part
    return received


def test_a_head_that_does_not_end_is_refused(make_container, start):
    server = start(make_container().with_code(ECHO))
    with connected(server) as connection:
        connection.sendall(b"GET /ping HTTP/1.1\r\nx: ")
        with contextlib.suppress(ConnectionError):
            for _ in range(8):
                connection.sendall(b"a" * 65_536)
        assert until_the_end(connection)[:12] in (b"", b"HTTP/1.1 400")
    assert server.ping() == 200


def test_a_long_body_is_not_taken_for_a_head(impatient):
    """Its first packet is half of the head, its second one the rest and more than a head may have."""
    body = b'{"instances": ["' + b"a" * 200_000 + b'"]}'
    with connected(impatient) as connection:
        connection.sendall(b"POST /invocations HTTP/1.1\r\nconnection: close\r\ncontent-le")
        impatient.ping()  # so that the two are read apart
        connection.sendall(b"ngth: %d\r\n\r\n" % len(body) + body)
        assert until_the_end(connection).startswith(b"HTTP/1.1 200")


UNFINISHED = {
    "nothing": (b"", b""),
    "half a head": (HEAD, b""),
    "half a body": (HEAD + b"\r\n" + BODY[:9], b""),
    "an empty line": (b"\r\n", b""),
    "refused before its end": (TOO_LARGE, b"HTTP/1.1 413"),
    "answered, and half a head": (HEAD + b"\r\n" + BODY + HEAD, b"HTTP/1.1 200"),
}


def test_what_does_not_arrive_is_not_waited_for(impatient):
    with contextlib.ExitStack() as opened:
        answered = opened.enter_context(connected(impatient))
        answered.sendall(HEAD + b"\r\n" + BODY)
        assert answered.recv(65536).startswith(b"HTTP/1.1 200")
        answered.sendall(b"\r\n")
        waiting = {what: opened.enter_context(connected(impatient)) for what in UNFINISHED}
        for what, (sent, _) in UNFINISHED.items():
            waiting[what].sendall(sent)
        assert {what: until_the_end(one)[:12] for what, one in waiting.items()} == {
            what: answer for what, (_, answer) in UNFINISHED.items()
        }
        assert until_the_end(answered) == b""


BLOCKING = """
import pathlib, time
def model_fn(model_dir):
    return pathlib.Path(model_dir)
def predict_fn(data, model):
    if data == [2]:
        (model / "started").touch()
        while not (model / "go").exists():
            time.sleep(0.005)
    return data
"""


def test_what_nobody_has_taken_yet_when_the_server_is_to_end_is_answered(make_container, start):
    container = make_container().with_code({"inference.py": BLOCKING})
    server = start(container, SAGEMAKER_MODEL_SERVER_WORKERS="1")
    for _ in range(3):  # it is short, and so is done in the event loop, which takes connections
        assert server.invoke(BODY).status == 200
    with connected(server) as blocking, connected(server) as waiting:
        blocking.sendall(HEAD + b"\r\n" + BODY.replace(b"1", b"2"))
        server.wait_until((container.ml / "model/started").exists)
        with connected(server) as behind:
            for connection in (waiting, behind):
                connection.sendall(HEAD + b"\r\n" + BODY)
            server.process.send_signal(signal.SIGTERM)
            server.wait_until(lambda: "SIGTERM: " in server.log)
            (container.ml / "model/go").touch()
            for connection in (blocking, waiting, behind):
                assert until_the_end(connection).startswith(b"HTTP/1.1 200")
    assert server.process.wait(timeout=60) == 0


def test_at_its_end_the_server_waits_a_moment_for_what_was_on_its_way_and_no_longer(make_container, start):
    server = start(make_container().with_code(ECHO), SAGEMAKER_MODEL_SERVER_WORKERS="1")
    with (
        connected(server) as arriving,
        connected(server) as never,
        connected(server) as idle,
        connected(server) as fresh,
    ):
        for connection in (arriving, never):
            connection.sendall(HEAD + b"\r\n" + BODY[:9])
        idle.sendall(HEAD + b"\r\n" + BODY)
        assert idle.recv(65536).startswith(b"HTTP/1.1 200")
        server.process.send_signal(signal.SIGTERM)
        assert until_the_end(idle) == b""  # it has begun to end
        arriving.sendall(BODY[9:])
        fresh.sendall(HEAD + b"\r\n" + BODY)
        assert until_the_end(fresh).startswith(b"HTTP/1.1 200")
        received = until_the_end(arriving)
        assert received.startswith(b"HTTP/1.1 200")
        assert b"connection: close" in received
        assert until_the_end(never) == b""
    assert server.process.wait(timeout=60) == 0
    assert "Traceback" not in server.log  # nothing had to be cancelled
