"""NumPy's archives: a zip of NPY files (numpy.lib.format). Nothing is unpickled. Rows count from 0."""

from __future__ import annotations

import ast
import re
import struct
import zipfile
import zlib
from typing import Any, BinaryIO

from checker.arrays import Layout, Numbers, check_classes_fit, check_shape
from checker.findings import BadFile, Findings
from checker.rows import Classes, Rows
from checker.streams import CHUNK, Cap, File

MAGIC = b"\x93NUMPY"
HEADER_BYTES = 10_000  # numpy.lib.format's own limit for what it evaluates
ENTRY_BYTES = 1_024
"""Of an archive's directory, for each member: more is no archive of arrays, and would be read into memory whole."""
PACKINGS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""Those that NumPy writes."""
_DESCR = re.compile(r"([<>|=]?)([biuf])([1248])")
_KINDS = {"b": "bool", "i": "int", "u": "uint", "f": "float"}
_END = b"PK\x05\x06"


def check_npz(file: File, findings: Findings) -> int:
    """How many rows the first of the named arrays has."""
    if file.packed:
        raise BadFile("zip", "is packed twice: NPZ is an archive already")
    _check_directory(file)
    try:
        with zipfile.ZipFile(file.path) as archive:
            layouts = _check_members(archive, file, findings)
    except (zipfile.BadZipFile, zlib.error, struct.error, EOFError, RuntimeError, ValueError) as error:
        raise BadFile("zip", f"is not a whole zip archive: {error}") from error
    lengths = {name: layout.rows for name, layout in layouts.items()}
    if file.rules["same_rows"] and len(set(lengths.values())) > 1:
        shown = ", ".join(f"{name}: {length}" for name, length in sorted(lengths.items()))
        findings.add("same_rows", f"holds arrays of different length ({shown})")
    rows = Rows(file.rules, findings)
    rows.add(next(iter(lengths.values()), 0))
    rows.finish()
    return rows.count


def _check_directory(file: File) -> None:
    """`zipfile` reads the whole directory at once, so its length is looked at first."""
    with file.path.open("rb") as stream:
        stream.seek(max(0, file.size - (1 << 16) - 22))
        tail = stream.read()
    at = tail.rfind(_END)
    if at < 0 or len(tail) - at < 22:
        raise BadFile("zip", "is not a zip archive: it has no directory")
    (size,) = struct.unpack_from("<I", tail, at + 12)
    most = file.rules["maximum_members"]
    if size > most * ENTRY_BYTES:
        raise BadFile("maximum_members", f"has a directory of {size} bytes: too many for {most} members")


def _check_members(archive: zipfile.ZipFile, file: File, findings: Findings) -> dict[str, Layout]:
    """The layouts of the arrays that the rules name, in the rules' order."""
    members, rules = archive.infolist(), file.rules
    if len(members) > rules["maximum_members"]:
        raise BadFile("maximum_members", f"has more than {rules['maximum_members']} members")
    names = [member.filename for member in members]
    if len(set(names)) < len(names):
        raise BadFile("zip", "has two members of the same name")
    cap, found = Cap(file), {}
    for member in members:
        if not 0 <= member.header_offset < file.size:
            raise BadFile("zip", "has a member that lies outside of it", column=member.filename)
        cap.count(member.file_size)  # before a byte is unpacked; `zipfile` hands out no more than that
        if member.compress_type not in PACKINGS:
            raise BadFile("zip", "is packed by another method than DEFLATE", column=member.filename)
        name = member.filename.removesuffix(".npy")
        if not member.filename.endswith(".npy") or (name not in rules["arrays"] and not rules["other_arrays"]):
            findings.add("arrays", "is not an array that the manifest names", column=member.filename)
            continue
        with archive.open(member) as stream:
            found[name] = _check_array(stream, member.file_size, name, rules, findings)
    for name in rules["arrays"]:
        if name not in found:
            findings.add("arrays", "is missing", column=name)
    return {name: found[name] for name in rules["arrays"] if name in found}


def _check_array(stream: Any, size: int, name: str, rules: dict[str, Any], findings: Findings) -> Layout:
    layout, header = read_header(stream, name)
    if size != header + layout.bytes:
        message = f"holds {size - header} bytes of numbers, its header promises {layout.bytes}"
        raise BadFile("length", message, column=name)
    spec = rules["arrays"].get(name, {"type": layout.type, "shape": None, "minimum": None, "maximum": None})
    types = spec["type"] if isinstance(spec["type"], list) else [spec["type"]]
    if layout.type not in types:
        findings.add("type", f"holds {layout.type}, expected {' or '.join(types)}", column=name)
    check_shape(layout, spec["shape"], findings, name)
    counted = rules["classes"] if rules["classes"] and rules["classes"]["array"] == name else None
    check_classes_fit(layout, counted, name)
    classes = Classes(counted, findings, column=name)
    Numbers(layout, spec, classes, findings, name).read(stream)
    while stream.read(CHUNK):  # to the end, where zipfile compares the checksum
        pass
    classes.finish()
    return layout


def read_header(stream: BinaryIO, name: str) -> tuple[Layout, int]:
    """The layout of an NPY file, and how many bytes its header takes. BadFile for anything but plain numbers."""
    start = stream.read(8)
    width = 2 if start[6:7] == b"\x01" else 4
    if len(start) < 8 or start[:6] != MAGIC or start[6] not in (1, 2, 3):
        raise BadFile("magic", "is not an NPY file", column=name)
    length = int.from_bytes(stream.read(width), "little")
    if length > HEADER_BYTES:
        raise BadFile("header", f"has a header of {length} bytes: at most {HEADER_BYTES}", column=name)
    header = _literal(stream.read(length), name)
    return _layout(header, name), 8 + width + length


def _literal(text: bytes, name: str) -> dict[str, Any]:
    try:
        header = ast.literal_eval(text.decode("utf-8").strip())
    except (ValueError, SyntaxError, MemoryError, RecursionError) as error:
        raise BadFile("header", "has a header that cannot be read", column=name) from error
    if not isinstance(header, dict) or set(header) != {"descr", "fortran_order", "shape"}:
        raise BadFile("header", "has a header without descr, fortran_order and shape", column=name)
    return header


def _layout(header: dict[str, Any], name: str) -> Layout:
    descr, shape = header["descr"], header["shape"]
    if isinstance(descr, str) and descr.lstrip("<>|=").startswith("O"):
        raise BadFile("type", "is an array of objects: reading it would run code of strangers", column=name)
    match = _DESCR.fullmatch(descr) if isinstance(descr, str) else None
    kind = f"{_KINDS[match[2]]}{8 * int(match[3])}".replace("bool8", "bool") if match else ""
    if match is None or kind in ("float8", "bool16", "bool32", "bool64"):
        raise BadFile("type", "does not hold plain numbers", column=name)
    whole = isinstance(shape, tuple) and len(shape) <= 32
    if not whole or not all(type(length) is int and length >= 0 for length in shape):
        raise BadFile("header", "has a header with an impossible shape", column=name)
    return Layout(type=kind, shape=shape, big_endian=match[1] == ">", fortran_order=bool(header["fortran_order"]))
