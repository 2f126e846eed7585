"""`data.checks` of a manifest: what every file of a channel must be like before anything is trained on it.

`docs/data-checks.md` explains the rules; `training_code/checks` applies them. One class a format, told by `format`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from infra.manifest_fields import ChannelName, FilePattern, Seconds, Strict, VolumeGB, known_to

MEBIBYTE, GIBIBYTE = 2**20, 2**30
Number = int | float
Count = Annotated[int, Field(ge=1)]
Scalar = str | bool | int | float
Shape = Annotated[list[Annotated[int, Field(ge=1)] | None], Field(max_length=32)]
"""Lengths of an array's dimensions; null is any length."""
NumberType = Literal[
    "bool", "uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64", "float16", "float32", "float64"
]
IdxType = Literal["uint8", "int8", "int16", "int32", "float32", "float64"]


ALLOWED_TYPES: dict[str, tuple[type, ...]] = {
    "int": (int,),
    "float": (int, float),
    "str": (str,),
    "bool": (bool,),
    "any": (),
}
"""Of the members of `allowed`: what a column's text is read as."""


def _compiles(value: str) -> str:
    try:
        re.compile(value)
    except re.error as error:
        raise ValueError(f"is not a regular expression: {error}") from error
    return value


def _check_order(what: str, minimum: Number | None, maximum: Number | None) -> None:
    if minimum is not None and maximum is not None and minimum > maximum:
        raise ValueError(f"{what}minimum {minimum} is above {what}maximum {maximum}")


class Ranged(Strict):
    """Closed on both sides. NaN and infinity are refused with a range or without."""

    minimum: Number | None = None
    maximum: Number | None = None

    @model_validator(mode="after")
    def _range_is_not_empty(self) -> Ranged:
        _check_order("", self.minimum, self.maximum)
        return self


class Column(Ranged):
    """A column of a table; what is left out is not checked."""

    type: Literal["int", "float", "str", "bool", "any"] = "any"
    allowed: list[Scalar] | None = Field(default=None, min_length=1)
    pattern: Annotated[str, StringConstraints(min_length=1, max_length=500), AfterValidator(_compiles)] | None = None
    """A regular expression that the whole text must match."""
    maximum_length: Count | None = None
    nullable: bool = False
    """Missing values may occur (see `missing`; null in JSON)."""
    required: bool = True
    """False: the column may be absent."""

    @model_validator(mode="after")
    def _fits_its_type(self) -> Column:
        if self.type not in ("int", "float") and (self.minimum is not None or self.maximum is not None):
            raise ValueError(f"minimum and maximum are for int and float, not for {self.type}")
        if self.type != "str" and (self.pattern is not None or self.maximum_length is not None):
            raise ValueError(f"pattern and maximum_length are for str, not for {self.type}")
        for value in self.allowed or []:
            if type(value) not in ALLOWED_TYPES[self.type]:
                raise ValueError(f"allowed: {value!r} is not of type {self.type}")
        return self


class Classes(Strict):
    """How many classes a file must hold, and how many rows of each."""

    minimum: Count = 2
    minimum_rows: Count = 1


class ColumnClasses(Classes):
    column: str


class ArrayClasses(Classes):
    array: str


class FolderClasses(Strict):
    """Classes that are the names of the files' folders, over all good files of the channel that match the pattern."""

    minimum: Count = 2
    minimum_files: Count = 1


class FileRules(Strict):
    """Rules for files of any format. A name that ends in `.gz` is gzip: the rules are about what is inside."""

    minimum_bytes: Annotated[int, Field(ge=0)] = 1
    """0 lets empty files pass as far as the format knows empty ones."""
    maximum_bytes: Count = 10 * GIBIBYTE
    """As stored."""
    maximum_unpacked_bytes: Count = 20 * GIBIBYTE
    """Of a gzip file, or of all members of a zip archive together."""
    maximum_ratio: Annotated[Number, Field(ge=1)] = 200
    """Unpacked to stored bytes, judged from 1 MiB unpacked on. DEFLATE's own limit is 1032."""


class Rows(FileRules):
    minimum_rows: Count = 1
    maximum_rows: Count = 10_000_000
    same_rows_as: FilePattern | None = None
    """Another file of the channel that must have as many rows."""

    @model_validator(mode="after")
    def _rows_are_possible(self) -> Rows:
        if self.minimum_rows > self.maximum_rows:
            raise ValueError(f"minimum_rows {self.minimum_rows} is above maximum_rows {self.maximum_rows}")
        return self


class Lines(Rows):
    encoding: Literal["utf-8", "ascii", "latin-1"] = "utf-8"
    """A byte-order mark is always refused."""
    maximum_line_bytes: Count = MEBIBYTE


class Table(Lines):
    columns: dict[str, Column] = Field(min_length=1)
    other_columns: Column | None = None
    """What columns that are not named must be like; without it there may be none."""
    unique: list[list[str]] = Field(default=[])
    """Keys, each a list of columns: no two rows of a file may have the same."""
    classes: ColumnClasses | None = None

    @model_validator(mode="after")
    def _names_its_columns(self) -> Table:
        used = [("unique", name) for key in self.unique for name in key]
        used += [("classes", self.classes.column)] if self.classes else []
        for where, name in used:
            if name not in self.columns:
                raise ValueError(f"{where}: column {name!r} is not in columns: allowed: {', '.join(self.columns)}")
        return self


class Csv(Table):
    """RFC 4180. Without a header, `columns` are the columns in their order; with one, the order does not matter."""

    format: Literal["csv"]
    header: bool = True
    delimiter: Annotated[str, StringConstraints(min_length=1, max_length=1)] = ","
    quote: Annotated[str, StringConstraints(min_length=1, max_length=1)] | None = '"'
    missing: list[str] = Field(default=[""])
    """The texts that stand for a missing value."""


class JsonLines(Table):
    format: Literal["jsonl"]
    encoding: Literal["utf-8"] = "utf-8"


class LibSvm(Lines):
    """`label index:value ...`, indices rising."""

    format: Literal["libsvm"]
    label: Column = Column(type="float")
    minimum_index: Annotated[int, Field(ge=0)] = 0
    maximum_index: Count | None = None
    values: Ranged = Ranged()
    classes: Classes | None = None


class Text(Lines):
    """Lines of text; empty lines count as rows."""

    format: Literal["text"]


class Idx(Rows, Ranged):
    """The format of the MNIST files. Magic and dimensions are compared with the length before anything is allocated."""

    format: Literal["idx"]
    type: IdxType = "uint8"
    shape: Shape | None = None
    """Of all dimensions, the number of rows first."""
    classes: Classes | None = None


class Array(Ranged):
    type: NumberType | list[NumberType]
    shape: Shape | None = None
    """Of all dimensions, the number of rows first."""


class Npz(Rows):
    """NumPy's archive. Arrays of objects are refused, and nothing is ever unpickled."""

    format: Literal["npz"]
    arrays: dict[str, Array] = Field(min_length=1)
    other_arrays: bool = False
    same_rows: bool = True
    """All of `arrays` are equally long."""
    maximum_members: Count = 100
    classes: ArrayClasses | None = None

    @model_validator(mode="after")
    def _counts_a_known_array(self) -> Npz:
        if self.classes and self.classes.array not in self.arrays:
            raise ValueError(
                f"classes: array {self.classes.array!r} is not in arrays: allowed: {', '.join(self.arrays)}"
            )
        return self


class Image(FileRules):
    """PNG (checksums and end too) and JPEG (header and end), told by their content."""

    format: Literal["image"]
    kinds: list[Literal["png", "jpeg"]] = Field(default=["png", "jpeg"], min_length=1)
    width: Ranged = Ranged()
    height: Ranged = Ranged()
    """Both in pixels."""
    class_folders: FolderClasses | None = None


class Video(FileRules):
    """Containers, told by their content; in MP4 and QuickTime files the boxes must add up to the file."""

    format: Literal["video"]
    kinds: list[Literal["mp4", "mov", "avi", "mkv", "webm"]] = Field(default=["mp4", "mov", "avi"], min_length=1)
    class_folders: FolderClasses | None = None


class Parquet(FileRules):
    """Magic at both ends and a footer that fits between them."""

    format: Literal["parquet"]


class Json(FileRules):
    """One strict JSON document: no duplicate keys, no NaN, no byte-order mark."""

    format: Literal["json"]
    maximum_bytes: Count = 16 * MEBIBYTE
    maximum_unpacked_bytes: Count = 16 * MEBIBYTE


class AnyFile(FileRules):
    """Only what holds for every file: sizes, and that gzip unpacks."""

    format: Literal["any"]
    class_folders: FolderClasses | None = None


Format = Annotated[
    Csv | JsonLines | LibSvm | Text | Idx | Npz | Image | Video | Parquet | Json | AnyFile,
    Field(discriminator="format"),
]


class CheckInstance(Strict):
    type: Annotated[str, known_to("ProcessingInstanceType")] = "ml.m5.large"
    volume_gb: VolumeGB = 30


class Checks(Strict):
    """Each channel's files by pattern: the first pattern that matches a file's path below the channel is its own."""

    # Ten inputs a processing job; two of them are the checker and its rules.
    channels: dict[ChannelName, Annotated[dict[FilePattern, Format], Field(min_length=1)]] = Field(
        min_length=1, max_length=8
    )
    on_bad_file: Literal["stop", "quarantine"] = "stop"
    """Bad files are copied to the quarantine in both cases; `quarantine` then goes on with the good ones."""
    minimum_good_files: Count = 1
    """Of each channel. Besides, each of a channel's patterns needs a good file, whatever this says."""
    instance: CheckInstance = CheckInstance()
    max_runtime_seconds: Seconds = 1800

    def rules(self, patterns: Mapping[str, Sequence[str]]) -> dict[str, Any]:
        """The document that the checker reads, as plain JSON. `patterns` are those of `data.channels`."""
        return {
            "on_bad_file": self.on_bad_file,
            "minimum_good_files": self.minimum_good_files,
            "patterns": {channel: list(patterns[channel]) for channel in self.channels},
            "channels": {
                channel: {pattern: rules.model_dump(mode="json") for pattern, rules in patterns.items()}
                for channel, patterns in self.channels.items()
            },
        }
