"""Sorting files into channels."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cli import data
from cli.errors import CliError

DIGITS = {
    "train": ["train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"],
    "test": ["t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"],
}
TABLES = {"train": ["*.csv"], "validation": ["*.csv"]}


def fill(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return folder


def names(assignment: data.Assignment) -> list[tuple[str, str]]:
    return [(channel, path.name) for channel, paths in assignment.channels.items() for path in paths]


def test_a_flat_folder_is_sorted_by_the_patterns(tmp_path: Path) -> None:
    fill(tmp_path, *DIGITS["train"], *DIGITS["test"], "README", ".hidden")
    assignment = data.assign(tmp_path, DIGITS)
    assert names(assignment) == [("train", name) for name in DIGITS["train"]] + [
        ("test", name) for name in DIGITS["test"]
    ]
    assert [path.name for path in assignment.ignored] == ["README"]


def test_a_sub_folder_named_as_a_channel_holds_that_channel(tmp_path: Path) -> None:
    fill(tmp_path, "train/a.csv", "train/b.csv", "validation/a.csv")
    assert names(data.assign(tmp_path, TABLES)) == [("train", "a.csv"), ("train", "b.csv"), ("validation", "a.csv")]


def test_the_file_that_completes_the_data_set_is_uploaded_last(tmp_path: Path) -> None:
    channels = {"train": ["labels.json", "*.csv"], "test": ["*.csv"]}
    fill(tmp_path, "train/labels.json", "train/a.csv", "train/b.csv", "test/c.csv", "test/d.csv")
    order = data.assign(tmp_path, channels).in_upload_order(channels)
    assert [path.name for _, path in order] == ["a.csv", "b.csv", "c.csv", "d.csv", "labels.json"]


VIDEOS = {"videos": ["*/*.mp4"], "classes": ["classes.txt"]}


def test_files_in_sub_folders_of_a_channel_are_named_by_their_path_below_it(tmp_path: Path) -> None:
    fill(tmp_path, "videos/circle/1.mp4", "videos/square/1.mp4", "videos/loose.mp4", "classes/classes.txt")
    assignment = data.assign(tmp_path, VIDEOS)
    found = [assignment.name(channel, path) for channel, path in assignment.in_upload_order(VIDEOS)]
    assert found == ["circle/1.mp4", "square/1.mp4", "classes.txt"]
    assert [path.name for path in assignment.ignored] == ["loose.mp4"]


def test_hidden_files_and_folders_are_left_alone(tmp_path: Path) -> None:
    fill(tmp_path, "videos/a/1.mp4", "videos/.cache/1.mp4", "videos/a/._1.mp4", "classes/classes.txt")
    assert names(data.assign(tmp_path, VIDEOS)) == [("videos", "1.mp4"), ("classes", "classes.txt")]


def test_a_pattern_of_a_sub_folder_that_nothing_matches_is_missing(tmp_path: Path) -> None:
    fill(tmp_path, "videos/1.mp4", "classes.txt")
    with pytest.raises(CliError, match=r"channel videos: \*/\*\.mp4"):
        data.assign(tmp_path, VIDEOS)


def test_missing_files_are_all_named_with_their_channel(tmp_path: Path) -> None:
    fill(tmp_path, "train-images-idx3-ubyte.gz", "t10k-images-idx3-ubyte.gz")
    with pytest.raises(CliError) as raised:
        data.assign(tmp_path, DIGITS)
    assert "channel train: train-labels-idx1-ubyte.gz" in raised.value.message
    assert "channel test: t10k-labels-idx1-ubyte.gz" in raised.value.message
    assert "train-images" not in raised.value.message
    assert "train-images-idx3-ubyte.gz" in raised.value.hint


def test_a_file_that_fits_two_channels_is_refused_with_both_names(tmp_path: Path) -> None:
    fill(tmp_path, "a.csv")
    with pytest.raises(CliError, match=r"a\.csv fits the channels train and validation"):
        data.assign(tmp_path, TABLES)


def test_a_path_that_is_no_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CliError, match="is not a folder"):
        data.assign(tmp_path / "nowhere", DIGITS)


def test_patterns_are_matched_with_case() -> None:
    assert data.missing_patterns(["*.csv"], ["A.CSV"]) == ["*.csv"]
    assert data.missing_patterns(["*.csv"], ["a.csv"]) == []


def test_data_set_names_keep_the_contracts_pattern_and_differ() -> None:
    made = {data.new_dataset_name() for _ in range(20)}
    assert len(made) > 1
    assert all(re.fullmatch(r"\d{8}-\d{6}-[0-9a-f]{4}", name) for name in made)
    assert all(re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9-]{0,59}", name) for name in made)
