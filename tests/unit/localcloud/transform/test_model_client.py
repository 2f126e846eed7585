"""One request: timeout, retries, and the words of its failure. The server is real."""

import asyncio

import pytest

from localcloud.sagemaker.endpoints.http_client import HttpClient
from localcloud.sagemaker.transform.model_client import ModelClient, NoResponse, RequestFailed


class Model:
    """A server that answers with these statuses in turn, the last for ever; 0 is no answer at all."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses)
        self.heads: list[bytes] = []
        self.paused: list[float] = []

    def ask(self, **members: float) -> bytes:
        return asyncio.run(self._ask(**members))

    async def _ask(self, **members: float) -> bytes:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        http = HttpClient("127.0.0.1", server.sockets[0].getsockname()[1])
        client = ModelClient(http, 1, {"Accept": "text/csv"}, pause=self._pause, **members)
        try:
            return await client.invoke(b"x")
        finally:
            http.close()
            server.close()

    async def _pause(self, seconds: float) -> None:
        self.paused.append(seconds)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while not reader.at_eof():
            try:
                self.heads.append(await reader.readuntil(b"\r\n\r\n"))
            except asyncio.IncompleteReadError:
                break
            await reader.readexactly(1)
            status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
            if not status:
                await reader.read()
                break
            body = b"said the model"
            writer.write(b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n%b" % (status, len(body), body))
        writer.close()


def test_an_answer_is_its_body() -> None:
    model = Model(200)
    assert model.ask() == b"said the model"
    assert model.heads[0].startswith(b"POST /invocations HTTP/1.1\r\n")
    assert b"Accept: text/csv\r\n" in model.heads[0]


def test_what_may_pass_is_tried_again_after_ever_longer_pauses() -> None:
    model = Model(503, 429, 500, 200)
    assert model.ask() == b"said the model"
    assert model.paused == [0.25, 0.5, 1.0]


@pytest.mark.parametrize(
    ("status", "requests", "reason", "log"),
    [
        (400, 1, "ClientError: See job logs for more information", "ClientError: 400"),
        (404, 1, "ClientError: See job logs for more information", "ClientError: 404"),
        (500, 3, "AlgorithmError: See job logs for more information", "Bad HTTP status received from algorithm: 500"),
    ],
)
def test_a_bad_status_is_named_after_whose_fault_it_is(status: int, requests: int, reason: str, log: str) -> None:
    model = Model(status)
    with pytest.raises(RequestFailed) as failed:
        model.ask(max_retries=2)
    assert len(model.heads) == requests
    assert failed.value.reason == reason
    assert failed.value.log == f"{log}\n\nMessage:\nsaid the model"


def test_no_answer_in_time_is_no_response_after_its_retries() -> None:
    model = Model(0)
    with pytest.raises(NoResponse, match=r"Unable to get response from algorithm: no answer within 0\.05 s"):
        model.ask(timeout_seconds=0.05, max_retries=1)
    assert len(model.heads) == 2


def test_a_server_that_is_gone_is_no_response() -> None:
    async def ask() -> None:
        await ModelClient(HttpClient("127.0.0.1", 1), 1, max_retries=0).invoke(b"")

    with pytest.raises(NoResponse, match="Unable to get response from algorithm"):
        asyncio.run(ask())
