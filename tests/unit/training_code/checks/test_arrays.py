"""IDX and NPZ: nothing about their sizes is believed, nothing is unpickled."""

from __future__ import annotations

import gzip
import io
import struct
import zipfile
from collections.abc import Callable, Sequence
from typing import Any

import pytest

np = pytest.importorskip("numpy")

Find = Callable[..., list[dict[str, Any]]]


def idx(numbers: Sequence[int], *shape: int, magic: bytes = b"\0\0\x08") -> bytes:
    return magic + bytes([len(shape)]) + struct.pack(f">{len(shape)}I", *shape) + bytes(numbers)


def npz(*, packed: bool = False, **arrays: Any) -> bytes:
    file = io.BytesIO()
    (np.savez_compressed if packed else np.savez)(file, **arrays)
    return file.getvalue()


def said(findings: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return [(finding["rule"], finding.get("row"), finding.get("column")) for finding in findings]


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (idx(range(8), 2, 2, 2), None),
        (b"\0\0", "magic"),
        (idx(range(8), 2, 2, 2, magic=b"\0\1\x08"), "magic"),
        (idx(range(8), 2, 2, 2, magic=b"\0\0\x07"), "magic"),
        (b"\0\0\x08\0", "magic"),
        (b"\0\0\x08\x03\0\0\0\1", "length"),
        (idx(range(7), 2, 2, 2), "length"),
        (idx(range(9), 2, 2, 2), "length"),
        (idx([], 2**32 - 1, 2**32 - 1, 2**32 - 1), "length"),
        (idx(range(8), 2, 2, 2, magic=b"\0\0\x09"), "type"),
        (idx(range(8), 2, 4), "shape"),
        (idx(range(8), 2, 4, 1), "shape"),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_idx(findings_of: Find, content: bytes, rule: str | None, packed: bool) -> None:
    name = "images.gz" if packed else "images"
    content = gzip.compress(content) if packed else content
    found = findings_of(content, name=name, format="idx", shape=[None, 2, 2], maximum_rows=100)
    # Where the length is not known beforehand, 2^32 rows are found to be too many first.
    expected = {rule, "maximum_rows", "shape"} if packed and rule == "length" else {rule}
    assert ({finding["rule"] for finding in found} or {None}) <= expected


def test_labels_have_a_range_and_classes(findings_of: Find) -> None:
    rules = {"format": "idx", "shape": [None], "minimum": 1, "maximum": 9, "classes": {"minimum": 3}}
    assert findings_of(idx([1, 2, 9], 3), **rules) == []
    assert said(findings_of(idx([1, 2, 3, 0, 10, 11], 6), **rules)) == [("minimum", 3, None), ("maximum", 4, None)]
    assert said(findings_of(idx([1, 2, 1], 3), **rules)) == [("classes", None, None)]
    assert said(findings_of(idx([1, 2], 2, 1), **{**rules, "shape": None})) == [("classes", None, None)]


def test_numbers_of_idx_are_big_endian(findings_of: Find) -> None:
    content = b"\0\0\x0b\x01" + struct.pack(">I3h", 3, -2, 256, 1)
    rules = {"format": "idx", "type": "int16", "minimum": -2}
    assert findings_of(content, maximum=256, **rules) == []
    found = findings_of(content, maximum=255, **rules)
    assert (said(found), found[0]["value"]) == ([("maximum", 1, None)], "256")


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_nan_and_infinity_are_found_in_their_row(findings_of: Find, number: float) -> None:
    content = b"\0\0\x0d\x02" + struct.pack(">2I4f", 2, 2, 1, 2, 3, number)
    assert said(findings_of(content, format="idx", type="float32")) == [("finite", 1, None)]
    for kind in ("float16", "float32", "float64"):
        for order in "<>":
            array = np.array([[1, 2], [3, number], [1, 1]], dtype=f"{order}f{int(kind[5:]) // 8}")
            found = findings_of(npz(x=array), format="npz", arrays={"x": {"type": kind}})
            assert said(found) == [("finite", 1, "x")]


def test_large_numbers_whose_sum_overflows_are_finite(findings_of: Find) -> None:
    array = np.full(4, np.finfo("float64").max)
    assert findings_of(npz(x=array), format="npz", arrays={"x": {"type": "float64"}}) == []


IMAGES = {"image": {"type": "uint8", "shape": [None, 2, 2]}, "label": {"type": ["uint8", "int64"], "maximum": 9}}


@pytest.mark.parametrize("packed", [False, True])
def test_a_good_archive(findings_of: Find, packed: bool) -> None:
    content = npz(packed=packed, image=np.zeros((3, 2, 2), "uint8"), label=np.array([1, 2, 9]))
    assert findings_of(content, format="npz", arrays=IMAGES, classes={"array": "label", "minimum": 3}) == []


@pytest.mark.parametrize(
    ("arrays", "place"),
    [
        ({"image": np.zeros((3, 2, 2), "uint8")}, ("arrays", None, "label")),
        ({"image": np.zeros((3, 2, 2), "float32"), "label": np.array([1, 2, 3])}, ("type", None, "image")),
        ({"image": np.zeros((3, 4), "uint8"), "label": np.array([1, 2, 3])}, ("shape", None, "image")),
        ({"image": np.zeros((2, 2, 2), "uint8"), "label": np.array([1, 2, 3])}, ("same_rows", None, None)),
        ({"image": np.zeros((3, 2, 2), "uint8"), "label": np.array([1, 2, 10])}, ("maximum", 2, "label")),
        ({"image": np.zeros((3, 2, 2), "uint8"), "label": np.array(["a", "b", "c"])}, ("type", None, "label")),
        (
            {"image": np.zeros((3, 2, 2), "uint8"), "label": np.array([1, 2, 3]), "x": np.zeros(3)},
            ("arrays", None, "x.npy"),
        ),
        ({"image": np.zeros((0, 2, 2), "uint8"), "label": np.array([], int)}, ("minimum_rows", None, None)),
    ],
)
def test_a_bad_archive(findings_of: Find, arrays: dict[str, Any], place: tuple[Any, ...]) -> None:
    assert said(findings_of(npz(**arrays), format="npz", arrays=IMAGES)) == [place]


class _Bomb:
    """Unpickling it would end this process."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (exec, ("raise SystemExit('unpickled')",))


@pytest.mark.parametrize("other_arrays", [False, True])
@pytest.mark.parametrize("name", ["x", "y"])
def test_arrays_of_objects_are_refused_unread(findings_of: Find, name: str, other_arrays: bool) -> None:
    content = npz(**{name: np.array([_Bomb()], dtype=object)})
    found = findings_of(content, format="npz", arrays={"x": {"type": "uint8"}}, other_arrays=other_arrays)
    assert any(finding.get("column", "").startswith(name) for finding in found)
    assert (name == "y" and not other_arrays) or "array of objects" in found[0]["message"]


@pytest.mark.parametrize(
    "header",
    [
        b"__import__('os').abort()",
        b"{'descr': '|u1', 'fortran_order': False, 'shape': (-1,)}",
        b"{'descr': '|u1', 'fortran_order': False, 'shape': (True,)}",
        b"{'descr': [('a', '|u1')], 'fortran_order': False, 'shape': (1,)}",
        b"{'descr': '|u1', 'shape': (1,)}",
        b"{'descr': '|u1', 'fortran_order': False, 'shape': (9999999999999,)}",
        b"(" * 9000,
        b"\xff",
    ],
)
def test_a_forged_header_is_refused(findings_of: Find, header: bytes) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("x.npy", b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + b"\x01")
    (found,) = findings_of(file.getvalue(), format="npz", arrays={"x": {"type": "uint8"}})
    assert found["column"] == "x"


def test_a_damaged_archive_is_refused_wherever_it_is_damaged(findings_of: Find) -> None:
    """Every byte flipped, and every length cut: a finding or none, never an error; cut off always a finding."""
    content = npz(packed=True, x=np.arange(20, dtype="uint8"))
    rules: dict[str, Any] = {"format": "npz", "arrays": {"x": {"type": "uint8"}}}
    for position in range(len(content)):
        flipped = bytearray(content)
        flipped[position] ^= 0xFF
        findings_of(bytes(flipped), **rules)
        assert findings_of(content[:position], **rules), position


def test_what_is_in_the_archive_is_compared_with_its_checksum(findings_of: Find) -> None:
    content = bytearray(npz(x=np.arange(50, dtype="uint8")))
    content[content.index(bytes(range(50))) + 10] ^= 1
    (found,) = findings_of(bytes(content), format="npz", arrays={"x": {"type": "uint8"}})
    assert (found["rule"], "CRC" in found["message"]) == ("zip", True)
