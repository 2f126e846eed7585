"""Objects through the pipeline: order, bounds, and what a failure leaves behind. Only the model is a stand-in."""

import asyncio
import contextlib
import io
import random
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from localcloud.sagemaker.jobs.channels import RemoteObject
from localcloud.sagemaker.jobs.failures import JobFailure
from localcloud.sagemaker.transform.association import Association
from localcloud.sagemaker.transform.data_log import DataLog
from localcloud.sagemaker.transform.model_client import CLIENT_ERROR, NoResponse, RequestFailed
from localcloud.sagemaker.transform.pipeline import Item, Pipeline
from localcloud.sagemaker.transform.records import Source
from localcloud.sagemaker.transform.settings import settings


class Model:
    """Answers in an order of its own; `reply` may raise."""

    def __init__(self, reply: Callable[[bytes], bytes] = lambda body: body) -> None:
        self.reply = reply
        self.busy = self.most = 0
        self._random = random.Random(7)  # noqa: S311  (an order, not a secret)

    async def invoke(self, body: bytes | Callable[[], AsyncIterator[bytes]]) -> bytes:
        self.busy += 1
        self.most = max(self.most, self.busy)
        try:
            for _ in range(self._random.randrange(5)):
                await asyncio.sleep(0)
            if not isinstance(body, bytes):
                body = b"".join([part async for part in body()])
            return self.reply(body)
        finally:
            self.busy -= 1


class Counted(io.BytesIO):
    """Counts what was read; large reads give little, as a socket may."""

    given = 0

    def read(self, size: int = -1, /) -> bytes:
        part = super().read(min(size, 1000))
        self.given += len(part)
        return part


class Bench:
    """A pipeline over objects in memory."""

    def __init__(self, folder: Path, objects: dict[str, bytes], model: Model, **job: Any) -> None:
        self.sources = {key: Counted(body) for key, body in objects.items()}
        self.lines: list[str] = []
        self.items = {key: Item(RemoteObject("b", key, key), folder / f"{key}.out") for key in objects}
        source = {"SplitType": "Line", "ContentType": "text/csv", **job.pop("TransformInput", {})}
        request = {"TransformInput": source, "TransformOutput": {}, **job}
        self.pipeline = lambda: Pipeline(
            model=model,
            settings=settings(request, {}),
            association=Association.of(request),
            open_source=self._open,
            log=DataLog(self),
            split_type=source["SplitType"],
            assemble_with="Line",
        )

    @contextlib.contextmanager
    def _open(self, remote: RemoteObject) -> Iterator[Source]:
        yield self.sources[remote.key]

    def write(self, line: str) -> None:
        self.lines.append(line.split("[sagemaker logs]: ")[1])

    def run(self) -> dict[str, str]:
        async def main() -> dict[Item, str]:
            return await self.pipeline().run(list(self.items.values()))

        return {item.remote.key: reason for item, reason in asyncio.run(main()).items()}

    def output(self, key: str) -> bytes:
        return self.items[key].output.read_bytes()


SINGLE = {"BatchStrategy": "SingleRecord", "MaxConcurrentTransforms": 7}


def test_outputs_are_in_the_order_of_the_input_whatever_the_order_of_the_answers(tmp_path: Path) -> None:
    objects = {key: "".join(f"{key}{n}\n" for n in range(500)).encode() for key in "abc"}
    bench = Bench(tmp_path, objects, Model(), **SINGLE)
    assert bench.run() == {}
    assert {key: bench.output(key) for key in objects} == objects


def test_no_more_payloads_are_under_way_than_twice_the_requests(tmp_path: Path) -> None:
    model = Model()
    Bench(tmp_path, {key: b"1\n" * 300 for key in "abcdefghij"}, model, **SINGLE).run()
    assert 7 <= model.most <= 14


def test_an_object_is_read_as_it_is_sent_not_before(tmp_path: Path) -> None:
    """A model that fails at the first request ends the reading of a large object soon after."""

    def refuse(body: bytes) -> bytes:
        raise RequestFailed(CLIENT_ERROR, "ClientError: 400")

    bench = Bench(tmp_path, {"large": b"x" * 99 + b"\n"}, Model(refuse), **SINGLE)
    bench.sources["large"] = Counted((b"x" * 99 + b"\n") * 100_000)
    assert bench.run() == {"large": CLIENT_ERROR}
    assert bench.sources["large"].given < 2 << 20


def test_a_failed_object_leaves_no_output_and_the_others_go_on(tmp_path: Path) -> None:
    def reply(body: bytes) -> bytes:
        if body == b"bad":
            raise RequestFailed(CLIENT_ERROR, "ClientError: 400\n\nMessage:\nno")
        return body

    bench = Bench(tmp_path, {"one": b"1\n2\nbad\n4\n", "two": b"5\n"}, Model(reply), **SINGLE)
    assert bench.run() == {"one": CLIENT_ERROR}
    assert bench.output("two") == b"5\n"
    assert not bench.items["one"].output.exists()
    assert bench.lines == [
        f"b/one: {text}" for text in ("Failed at record 3", "ClientError: 400", "", "Message:", "no")
    ]


def test_of_several_failures_the_earliest_record_is_told(tmp_path: Path) -> None:
    def reply(body: bytes) -> bytes:
        raise RequestFailed(CLIENT_ERROR, body.decode())

    bench = Bench(tmp_path, {"all": b"1\n2\n3\n"}, Model(reply), BatchStrategy="SingleRecord")
    bench.run()
    assert bench.lines[0] == "b/all: Failed at record 1"


def test_a_silent_model_ends_the_job(tmp_path: Path) -> None:
    def silent(body: bytes) -> bytes:
        raise NoResponse("InternalServerError: reason", "Unable to get response from algorithm")

    bench = Bench(tmp_path, {"a": b"1\n", "b": b"2\n"}, Model(silent), **SINGLE)
    with pytest.raises(JobFailure, match="InternalServerError: reason"):
        bench.run()
    assert "b/a: Unable to get response from algorithm" in bench.lines


def test_a_record_that_is_not_in_its_format_is_told(tmp_path: Path) -> None:
    bench = Bench(
        tmp_path, {"a": b'{"x": 1}\n{\n'}, Model(), TransformInput={"ContentType": "application/jsonlines"},
        DataProcessing={"InputFilter": "$.x"}, BatchStrategy="SingleRecord",
    )  # fmt: skip
    assert bench.run() == {"a": CLIENT_ERROR}
    assert bench.lines[0] == "b/a: Failed at record 2"
    assert "Failed to parse as JSON" in bench.lines[1]


def test_an_empty_object_has_an_empty_output(tmp_path: Path) -> None:
    bench = Bench(tmp_path, {"empty": b""}, Model())
    assert bench.run() == {}
    assert bench.output("empty") == b""


def test_without_a_limit_the_object_is_one_stream(tmp_path: Path) -> None:
    model = Model(lambda body: str(len(body)).encode())
    bench = Bench(tmp_path, {"a": b"1\n" * 5000}, model, MaxPayloadInMB=0)
    bench.run()
    assert bench.output("a") == b"10000\n"
