"""The payload formats over HTTP: what arrives at predict_fn, and what is written of its answer."""

from __future__ import annotations

import io
import json
import pickle
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

JSON, JSON_LINES, CSV, NPY = "application/json", "application/jsonlines", "text/csv", "application/x-npy"
HEADER = "text/csv; header=present"
# Gives back what it was given; a word asks for an answer that no request could hold.
ECHO = """
import math
import numpy
ANSWERS = {
    "nan": [math.nan], "array": numpy.array([[1.5, 2], [3, 4]]), "scalars": [numpy.float32(0.5), numpy.int64(3)],
    "labelled": [{"label": 7, "scores": [0.25, 0.75]}, {"label": 1, "scores": [1.0, 0.0]}],
    "mixed": ["a,b", 'say "no"', True, None, 1.5], "one": 3.5, "object": [object()], "ragged": [[1], [2, 3]],
    "nan array": numpy.array([math.nan]),
}
def predict_fn(data, model):
    asked = data[0] if len(data) == 1 else None
    asked = asked[0] if isinstance(asked, list) and asked else asked
    return ANSWERS[asked] if isinstance(asked, str) and asked in ANSWERS else data
"""


@pytest.fixture(scope="module")
def echo(make_container, start):
    return start(make_container().with_code({"inference.py": ECHO}))


def send(server, body, content_type, accept=JSON):
    return server.invoke(body, content_type=content_type, accept=accept)


def npy(array, **options) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, **options)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("content_type", "body", "instances"),
    [
        (JSON_LINES, b'{"a": 1}\n[2]\r\n"\xe2\x80\xa8"\n', [{"a": 1}, [2], "\u2028"]),
        (JSON_LINES, b"1\n2", [1, 2]),
        (CSV, b"1,two\n007,\n", [["1", "two"], ["007", ""]]),
        (CSV, b'"a\nb","say ""no"""\r\n c ,\xc3\xa9', [["a\nb", 'say "no"'], [" c ", "\u00e9"]]),
        (f"{CSV}; charset=UTF-8; header=absent", b"a\n", [["a"]]),
        (HEADER, b"age,job\n31,admin.\n", [{"age": "31", "job": "admin."}]),
        (HEADER, b"age,job\n", []),
        (NPY, npy(np.array([[1, 2], [3, 4]])), [[1, 2], [3, 4]]),
        (NPY, npy(np.array([[1, 2], [3, 4]], order="F", dtype=">f4")), [[1.0, 2.0], [3.0, 4.0]]),
        (NPY, npy(np.array([True, False])), [True, False]),
        (NPY, npy(np.empty((0, 3))), []),
    ],
)
def test_each_format_becomes_instances(echo, content_type, body, instances):
    answer = send(echo, body, content_type)
    assert answer.status == 200, answer.body
    assert answer.json == {"predictions": instances}


@pytest.mark.parametrize(
    ("content_type", "body", "told"),
    [
        (JSON_LINES, b"", "the body is empty"),
        (JSON_LINES, b"1\n\n2\n", "line 2 is empty"),
        (JSON_LINES, b"1\n{\n", "line 2 is not valid JSON"),
        (JSON_LINES, b"1\nNaN\n", "line 2 is not valid JSON"),
        (JSON_LINES, b"1\n-Infinity\n", "line 2 is not valid JSON"),
        (JSON_LINES, b'\xef\xbb\xbf{"a": 1}\n', "line 1 is not valid JSON"),
        (JSON_LINES, b'1\n"\xff"\n', "line 2 is not valid JSON"),
        (JSON_LINES, b'1\n{"a": 1, "a": 2}\n', "line 2: the key 'a' appears twice"),
        (JSON_LINES, b"[" * 5000 + b"]" * 5000, "line 1 is not valid JSON"),
        (CSV, b"", "the body is empty"),
        (CSV, b"1,2\n1,2,3\n", "line 2: expected 2 columns as in line 1, got 3"),
        (CSV, b"1,2\n\n3,4\n", "line 2 is empty"),
        (CSV, b"\n1\n", "line 1 is empty"),
        (CSV, b'1,2\n3,"4\n5', "line 3: not valid CSV"),
        (CSV, b'1,2\n3,"4"5\n', "line 2: not valid CSV"),
        (CSV, b"\xef\xbb\xbf1,2\n", "byte order mark"),
        (CSV, b"1,2\n3,\xff\n", "line 2: byte 6 is not UTF-8"),
        (CSV, "a,b\n".encode("utf-16"), "line 1: byte 0 is not UTF-8"),
        (CSV, b"1,2\n3,\0\n", "line 2: a NUL character"),
        (HEADER, b"a,b,a\n1,2,3\n", "line 1: column 3: the name 'a' appears twice"),
        (HEADER, b"a,\n1,2\n", "line 1: column 2 has no name"),
        (HEADER, b"a,b\n1\n", "line 2: expected 2 columns"),
        (NPY, b"", "not an npy file"),
        (NPY, b"PK\x03\x04" + bytes(100), "not an npy file"),
        (NPY, npy(np.arange(4))[:-1], "has 32 bytes, the body has 31"),
        (NPY, npy(np.arange(4)) + b"x", "has 32 bytes, the body has 33"),
        (NPY, npy(np.array(["a"])), "send numbers or booleans"),
        (NPY, npy(np.array([(1, 2.0)], dtype="i4,f4")), "send numbers or booleans"),
        (NPY, npy(np.array([1j])), "send numbers or booleans"),
        (NPY, npy(np.array(1)), "its first axis has to be the instances"),
        (NPY, npy(np.array([[1, 2], [3, np.nan]])), "instances[1][1]: nan is not a finite number"),
        (NPY, npy(np.array([-np.inf])), "instances[0]: -inf is not a finite number"),
    ],
)
def test_a_body_that_is_not_what_it_is_called_is_told_where(echo, content_type, body, told):
    answer = send(echo, body, content_type)
    assert answer.status == 400, answer.body
    assert told in answer.error["message"]


def forged(header: str, version: bytes = b"\x01\x00") -> bytes:
    """An npy file of this header and no data."""
    return b"\x93NUMPY" + version + struct.pack("<H", len(header)) + header.encode()


@pytest.mark.parametrize(
    "header",
    [
        "{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000, 1000000), }",
        f"{{'descr': '<f8', 'fortran_order': False, 'shape': (0, {10**30}), }}",
        f"{{'descr': '<f8', 'fortran_order': False, 'shape': ({'0,' * 100}), }}",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (-1, -1), }",
        "{'descr': '|O', 'fortran_order': False, 'shape': (0,), }",
        "{'descr': '|V0', 'fortran_order': False, 'shape': (5,), }",
        "{'descr': __import__('os'), 'fortran_order': False, 'shape': (1,), }",
        "(" * 400,
        "-" * 900 + "1",
        "{'descr': " + "-" * 40000 + "1}",
        "[]",
    ],
)
def test_a_forged_header_costs_nothing_and_is_refused(echo, header):
    assert send(echo, forged(header), NPY).status == 400
    assert echo.ping() == 200


class Marker:
    """Unpickled, it makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


def test_a_pickle_in_an_array_is_never_read(echo, tmp_path):
    marker = tmp_path / "executed"
    body = npy(np.array([Marker(marker)], dtype=object), allow_pickle=True)
    np.load(io.BytesIO(body), allow_pickle=True)
    assert marker.exists()  # it would be made
    marker.unlink()
    answer = send(echo, body, NPY)
    assert (answer.status, answer.error["field"]) == (400, "dtype")
    assert send(echo, pickle.dumps(Marker(marker)), NPY).status == 400
    assert not marker.exists()


@pytest.mark.parametrize(
    ("asked", "accept", "body"),
    [
        ("labelled", JSON_LINES, b'{"label":7,"scores":[0.25,0.75]}\n{"label":1,"scores":[1.0,0.0]}\n'),
        ("labelled", CSV, b"7,0.25,0.75\n1,1.0,0.0\n"),
        ("mixed", CSV, b'"a,b"\n"say ""no"""\ntrue\n""\n1.5\n'),
        ("mixed", JSON_LINES, b'"a,b"\n"say \\"no\\""\ntrue\nnull\n1.5\n'),
        ("array", CSV, b"1.5,2.0\n3.0,4.0\n"),
        ("array", JSON, b'{"predictions":[[1.5,2.0],[3.0,4.0]]}'),
        ("scalars", CSV, b"0.5\n3\n"),
        ("scalars", JSON_LINES, b"0.5\n3\n"),
        ("one", CSV, b"3.5\n"),
    ],
)
def test_predictions_are_written_as_they_are_asked_for(echo, asked, accept, body):
    answer = send(echo, {"instances": [asked]}, JSON, accept)
    assert (answer.status, answer.headers["content-type"], answer.body) == (200, accept, body)


@pytest.mark.parametrize(
    ("asked", "array"),
    [
        ("labelled", [[7, 0.25, 0.75], [1, 1, 0]]),
        ("array", [[1.5, 2], [3, 4]]),
        ("scalars", [0.5, 3]),
        ("one", [3.5]),
    ],
)
def test_predictions_of_numbers_are_written_as_an_array(echo, asked, array):
    answer = send(echo, {"instances": [asked]}, JSON, NPY)
    assert answer.headers["content-type"] == NPY
    assert np.load(io.BytesIO(answer.body), allow_pickle=False).tolist() == array


@pytest.mark.parametrize("accept", [JSON, JSON_LINES, CSV, NPY])
@pytest.mark.parametrize(
    ("asked", "status"), [("nan", 500), ("nan array", 500), ("object", 500), ("mixed", 200), ("ragged", 200)]
)
def test_what_an_answer_cannot_hold_is_refused_and_the_server_lives(echo, asked, accept, status):
    answer = send(echo, {"instances": [asked]}, JSON, accept)
    expected = {("object", NPY): 406, ("mixed", NPY): 406, ("ragged", NPY): 406}.get((asked, accept), status)
    assert answer.status == expected
    assert echo.ping() == 200


@pytest.mark.parametrize(
    ("accept", "answered"),
    [
        ("*/*", JSON),
        ("text/*", CSV),
        ("application/json;q=0.1, text/csv;q=0.9", CSV),
        ("application/x-npy;q=nan, application/*;q=0.5", JSON),
        ("text/html, application/jsonlines", JSON_LINES),
    ],
)
def test_the_answer_that_is_liked_best_is_given(echo, accept, answered):
    assert send(echo, {"instances": [1]}, JSON, accept).headers["content-type"] == answered


@pytest.mark.parametrize(
    ("content_type", "told"),
    [
        ("application/octet-stream", "send application/json or application/jsonlines or text/csv or application/x-npy"),
        (f"{CSV}; charset=latin-1", "charset 'latin-1'"),
        (f"{CSV}; header=perhaps", "header='perhaps'"),
        (f"{JSON_LINES}; charset=utf-16", "charset 'utf-16'"),
    ],
)
def test_what_no_body_may_be_is_415(echo, content_type, told):
    answer = send(echo, b"1", content_type)
    assert answer.status == 415
    assert told in answer.error["message"]


cells = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)
tables = st.integers(1, 4).flatmap(lambda width: st.lists(st.lists(cells, min_size=width, max_size=width), min_size=1))


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tables.filter(lambda rows: rows[0] != [""] and not rows[0][0].startswith("\ufeff")))
def test_a_table_arrives_as_it_was_sent(echo, rows):
    body = "".join(",".join('"' + cell.replace('"', '""') + '"' for cell in row) + "\r\n" for row in rows)
    answer = send(echo, body.encode(), CSV)
    assert answer.status == 200, answer.body
    words = {"nan", "array", "scalars", "labelled", "mixed", "one", "object", "ragged", "nan array"}
    assert rows[0][0] in words or answer.json["predictions"] == rows


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from([JSON_LINES, CSV, HEADER, NPY]),
    st.binary(max_size=80) | st.binary(max_size=40).map(lambda tail: npy(np.arange(3))[:-20] + tail),
    st.sampled_from([JSON, CSV, JSON_LINES, NPY]),
)
def test_no_body_whatever_makes_the_server_fail(echo, content_type, body, accept):
    assert send(echo, body, content_type, accept).status in (200, 400, 406)


OWN_FORMATS = """
from server import formats
CONTENT_TYPES = ["video/mp4", "text/csv", "application/json"]
ACCEPT_TYPES = ["image/png", "application/json"]
def input_fn(body, content_type):
    if content_type == "video/mp4":
        return [len(body)]
    return formats.numbers(formats.instances(body, content_type))
def predict_fn(data, model):
    return data
def output_fn(prediction, accept):
    return bytes(prediction) if accept == "image/png" else formats.encode(prediction, accept)
"""


@pytest.fixture(scope="module")
def own(make_container, start):
    return start(make_container().with_code({"inference.py": OWN_FORMATS}))


def test_a_workload_declares_media_types_of_its_own(own):
    assert send(own, b"\0\1\xff", "video/mp4").json == {"predictions": [3]}
    answer = send(own, b"\0\1\xff", "Video/MP4", "image/*")
    assert (answer.headers["content-type"], answer.body) == ("image/png", b"\3")
    assert send(own, b"1", NPY).status == 415
    assert "accept image/png or application/json" in send(own, b"1\n", CSV, CSV).error["message"]
    assert send(own, b"1\n", CSV, "text/plain").status == 406


def test_numbers_are_read_from_any_format_and_the_first_that_is_none_is_named(own):
    assert send(own, b"1, 2e3\n-.5,4\n", CSV).json == {"predictions": [[1, 2000], [-0.5, 4]]}
    assert send(own, {"instances": [[1, 2.5]]}, JSON).json == {"predictions": [[1, 2.5]]}


@pytest.mark.parametrize(
    ("body", "content_type", "field", "told"),
    [
        (b"1,2\n3,abc\n", CSV, "instances[1][1]", "expected a number, got 'abc'"),
        (b"1,nan\n", CSV, "instances[0][1]", "got 'nan'"),
        (b"1,1e999\n", CSV, "instances[0][1]", "got '1e999'"),
        (b"1_0\n", CSV, "instances[0][0]", "got '1_0'"),
        ('"\u0661"\n'.encode(), CSV, "instances[0][0]", "expected a number"),
        (b'{"instances": [[1, true]]}', JSON, "instances[0][1]", "got 'True'"),
        (b'{"instances": [[1], [1, 2]]}', JSON, "instances[1]", "expected 1 numbers as in instances[0], got 2"),
        (b'{"instances": [1]}', JSON, "instances[0]", "expected a list of numbers, got int"),
        (b'{"instances": [[1' + b"0" * 400 + b"]]}", JSON, None, ""),
    ],
)
def test_a_cell_that_is_no_number_is_named(own, body, content_type, field, told):
    answer = send(own, body, content_type)
    assert answer.status == 400
    assert answer.error.get("field") == field
    assert told in answer.error["message"]


ARRAY = """
from server import formats
CONTENT_TYPES = formats.MEDIA_TYPES
def input_fn(body, content_type):
    array = formats.array(body, content_type, (2, 2))
    return [None if array is None else [str(array.dtype), array.tolist()]]
def predict_fn(data, model):
    return data
"""


@pytest.fixture(scope="module")
def array(make_container, start):
    return start(make_container().with_code({"inference.py": ARRAY}))


@pytest.mark.parametrize(
    ("content_type", "body", "values"),
    [
        (JSON, b'{"instances": [[[0, 255], [1, 2]], [[3, 4], [5, 6]]]}', [[[0, 255], [1, 2]], [[3, 4], [5, 6]]]),
        (JSON, b'{"instances": [[[0.5, 256], [-1, 2]]], "is it true": 1}', [[[0.5, 256], [-1, 2]]]),
        (JSON_LINES, b"[[0, 1], [1, 2]]\n[[3, 4], [5, 6]]\n", [[[0, 1], [1, 2]], [[3, 4], [5, 6]]]),
        (CSV, b"0,1,2,3.5\n4,5,6,7\n", [[[0, 1], [2, 3.5]], [[4, 5], [6, 7]]]),
        (NPY, npy(np.arange(4, dtype=np.int64).reshape(1, 2, 2)), [[[0, 1], [2, 3]]]),
        (NPY, npy(np.asfortranarray(np.arange(8.0).reshape(2, 2, 2))), np.arange(8.0).reshape(2, 2, 2).tolist()),
    ],
)
def test_numbers_of_the_right_shape_become_an_array(array, content_type, body, values):
    assert send(array, body, content_type).json == {"predictions": [["float32", values]]}


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        (JSON, b'{"instances": []}'),
        (JSON, b'{"instances": [[2, 2]]}'),
        (JSON, b'{"instances": [[[1, 2], [3]]]}'),
        (JSON, b'{"instances": [[[1, 2], 2]]}'),
        (JSON, b'{"instances": [[[1, 2], [3, true]]]}'),
        (JSON, b'{"instances": [[[1, 2], [3, null]]]}'),
        (JSON, b'{"instances": [[[1, 2], [3, "4"]]]}'),
        (JSON, b'{"instances": [[[1, 2], [3, [4]]]]}'),
        (JSON, b'{"instances": [[[1, 2], [3, 1e300]]]}'),
        (JSON_LINES, b"[1, 2, 3, 4]\n"),
        (CSV, b"1,2,3\n"),
        (NPY, npy(np.zeros((1, 4)))),
        (NPY, npy(np.zeros((0, 2, 2)))),
        (NPY, npy(np.zeros((1, 2, 2), dtype=bool))),
        (NPY, npy(np.full((1, 2, 2), 1e300))),
    ],
)
def test_what_is_no_array_of_numbers_of_that_shape_is_left_to_the_workload(array, content_type, body):
    assert send(array, body, content_type).json == {"predictions": [None]}


@pytest.mark.parametrize(
    "body",
    [
        b'{"instances": [[{"a": {"b": 1, "b": 2}}]]}',
        b'{"instances": [":", {"a": 1, "a": 1}]}',
        b'{"instances": [{"a": 1}, {"a": 1, "\\u0061": 2}]}',
        b'{"instances": [1], "parameters": {"a": {}, "a": {}}}',
    ],
)
def test_a_key_that_appears_twice_is_found_wherever_it_is(echo, body):
    answer = send(echo, body, JSON)
    assert answer.status == 400
    assert "appears twice" in answer.error["message"]


@pytest.mark.parametrize(
    "instances", [[{"a": ":"}, {"a": ":{"}], [[{"a": [{"a": {"b": {}}}]}]], ["::", {":": 1}], [{}]]
)
def test_the_same_key_in_two_objects_is_no_duplicate(echo, instances):
    assert send(echo, {"instances": instances}, JSON).json == {"predictions": instances}


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ('CONTENT_TYPES = "text/csv"', "CONTENT_TYPES is 'text/csv'; expected a list"),
        ("ACCEPT_TYPES = []", "ACCEPT_TYPES is []"),
        ('CONTENT_TYPES = ["CSV"]', "'CSV' is not a media type"),
        ('CONTENT_TYPES = ["video/mp4"]', "'video/mp4' needs an input_fn"),
        ('ACCEPT_TYPES = ["image/png"]', "'image/png' needs an output_fn"),
    ],
)
def test_a_declaration_that_cannot_be_is_named(make_container, start, code, told):
    container = make_container().with_code({"inference.py": f"{code}\ndef predict_fn(d, m): return d"})
    server = start(container, ready=False)
    assert server.process.wait(timeout=60) == 1
    assert told in server.log


def test_an_image_without_numpy_says_that_it_takes_no_arrays(make_container, start):
    code = {"inference.py": "def predict_fn(d, m): return d", "numpy.py": "", "sitecustomize.py": ""}
    hide = "import sys; sys.modules['numpy'] = None\nimport importlib.util as u\nf = u.find_spec\n"
    hide += "u.find_spec = lambda name, package=None: None if name == 'numpy' else f(name, package)\n"
    container = make_container().with_code(code)
    (container.image / "sitecustomize.py").write_text(hide)
    server = start(container)
    assert send(server, b"1\n", CSV).json == {"predictions": [["1"]]}
    answer = send(server, npy(np.arange(2)), NPY)
    assert answer.status == 415
    assert NPY not in answer.error["message"].partition(";")[2]
    assert send(server, json.dumps({"instances": [1]}), JSON, NPY).status == 406
