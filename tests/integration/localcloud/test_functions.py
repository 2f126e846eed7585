"""How Lambda functions start, and what of them is logged."""

from __future__ import annotations

import base64
import io
import json
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.embedded_cloud import EmbeddedCloud, allow, eventually, unique

TELL = """
import sys
FORKED = "boto3.session" in sys.modules
import boto3, os
def handler(event, context):
    who = boto3.client("sts").get_caller_identity()["Arn"] if event == "who" else None
    return [FORKED, boto3.__file__, who]
"""
WRITE = """
import sys
def handler(event, context):
    for line in event:
        print(line)
    if event == ["fail"]:
        raise ValueError("no")
"""


@pytest.fixture(scope="module")
def functions(cloud: EmbeddedCloud) -> Any:
    return cloud.client("lambda")


def _create(cloud: EmbeddedCloud, files: dict[str, str], **settings: Any) -> str:
    name = unique("function")
    role = cloud.role(name, "lambda.amazonaws.com", allow("sts:GetCallerIdentity"))
    code = {"FunctionName": name, "Code": {"ZipFile": _zip(files)}, "Runtime": "python3.13", "Handler": "main.handler"}
    cloud.client("lambda").create_function(Role=role, **code, **settings)
    return name


def _zip(files: dict[str, str]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    return packed.getvalue()


def _invoke(functions: Any, name: str, event: Any) -> tuple[Any, list[str]]:
    """The answer, and the lines that the function itself logged."""
    answer = functions.invoke(FunctionName=name, Payload=json.dumps(event), LogType="Tail")
    lines = base64.b64decode(answer.get("LogResult", "")).decode().splitlines()
    return json.load(answer["Payload"]), [line for line in lines if not line.startswith(("START ", "END ", "REPORT "))]


def test_each_function_is_forked_and_calls_as_its_own_role(cloud: EmbeddedCloud, functions: Any) -> None:
    for name in (_create(cloud, {"main.py": TELL}), _create(cloud, {"main.py": TELL})):
        (forked, _, who), _ = _invoke(functions, name, "who")
        assert forked == sys.platform.startswith("linux")
        assert who.split(":")[-1] == f"assumed-role/{name}/{name}"


@pytest.mark.skipif(not Path("/proc").exists(), reason="functions are forked on Linux")
def test_where_there_are_functions_a_cloud_that_starts_prepares_for_them(
    started: Callable[..., EmbeddedCloud],
) -> None:
    first = started()
    assert not _forks_functions(first)
    _create(first, {"main.py": TELL})
    first.stop()
    again = started()
    eventually(lambda: _forks_functions(again))


def _forks_functions(cloud: EmbeddedCloud) -> bool:
    children = Path(f"/proc/{cloud.pid}/task").glob("*/children")
    pids = [pid for file in children for pid in file.read_text().split()]
    return any(b"localcloud.functions" in _command(pid) for pid in pids)


def _command(pid: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except FileNotFoundError:  # it has ended meanwhile
        return b""


def test_a_function_with_a_boto3_of_its_own_uses_that(cloud: EmbeddedCloud, functions: Any) -> None:
    name = _create(cloud, {"main.py": TELL, "boto3/__init__.py": ""})
    (forked, file, _), _ = _invoke(functions, name, "")
    assert (forked, file.endswith("code/boto3/__init__.py")) == (False, True)


def test_a_function_with_a_layer_uses_what_is_in_it(cloud: EmbeddedCloud, functions: Any) -> None:
    code = {"ZipFile": _zip({"python/boto3/__init__.py": ""})}
    layer = functions.publish_layer_version(LayerName=unique("layer"), Content=code)["LayerVersionArn"]
    (forked, file, _), _ = _invoke(functions, _create(cloud, {"main.py": TELL}, Layers=[layer]), "")
    assert (forked, file.endswith("layer_0/python/boto3/__init__.py")) == (False, True)


def test_an_invocation_logs_its_own_lines(cloud: EmbeddedCloud, functions: Any) -> None:
    name = _create(cloud, {"main.py": WRITE})
    for lines in (["one"], ["two", "three"], [], [f"line {number}" for number in range(40)]):
        assert _invoke(functions, name, lines) == (None, lines)
    told, lines = _invoke(functions, name, ["fail"])
    assert told["errorMessage"] == "no"
    assert lines[0] == "fail"
    assert any("ValueError: no" in line for line in lines[1:])
