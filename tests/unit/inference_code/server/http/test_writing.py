"""Answers on the wire."""

from __future__ import annotations

import socket

import pytest

ECHO = """
def predict_fn(data, model):
    return (part for part in data) if data and data[0] == "HTTP/1.1 " else data
"""
BODY = b'{"instances": [1]}'


@pytest.fixture(scope="module")
def echo(make_container, start):
    return start(make_container().with_code({"inference.py": ECHO}))


@pytest.fixture
def connection(echo):
    with socket.create_connection(("127.0.0.1", echo.port), timeout=30) as opened:
        yield opened


def request(body: bytes = BODY, method: bytes = b"POST", path: bytes = b"/invocations", *headers: bytes) -> bytes:
    lines = [method + b" " + path + b" HTTP/1.1", b"host: a", b"content-length: %d" % len(body), *headers]
    return b"\r\n".join([*lines, b"", body])


def until_the_end(connection: socket.socket) -> bytes:
    received = b""
    while part := connection.recv(65536):
        received += part
    return received


def test_an_answer_comes_in_one_piece(connection):
    """As two, about every fourth of them would be read as two."""
    for _ in range(60):
        connection.sendall(request())
        assert connection.recv(65536).endswith(b'\r\n\r\n{"predictions":[1]}')


def test_an_answer_without_a_body_comes_at_once(connection):
    for _ in range(2):
        connection.sendall(request(b"", b"HEAD", b"/ping"))
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 OK\r\n")


def test_requests_that_were_sent_together_are_answered_one_after_the_other(connection):
    connection.sendall(request() + request(b"[") + request(BODY, b"POST", b"/invocations", b"connection: close"))
    heads = until_the_end(connection).split(b"HTTP/1.1 ")[1:]
    assert [head[:3] for head in heads] == [b"200", b"400", b"200"]


def test_a_client_that_waits_for_leave_to_send_gets_it(connection):
    head, _, _ = request(BODY, b"POST", b"/invocations", b"expect: 100-continue").partition(b"\r\n\r\n")
    connection.sendall(head + b"\r\n\r\n")
    assert connection.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
    connection.sendall(BODY)
    assert connection.recv(65536).endswith(b'{"predictions":[1]}')


def test_what_is_no_http_is_refused_and_the_connection_closed(connection):
    connection.sendall(b"\0\1\2\r\n\r\n")
    assert until_the_end(connection).startswith(b"HTTP/1.1 400 Bad Request\r\n")


def test_an_answer_in_parts_may_look_like_a_head(connection):
    body = b'{"instances": ["HTTP/1.1 ", "200 OK"]}'
    connection.sendall(request(body, b"POST", b"/invocations", b"connection: close"))
    received = until_the_end(connection)
    assert b"\r\n9\r\nHTTP/1.1 \r\n6\r\n200 OK\r\n0\r\n\r\n" in received
