"""Real videos through the processing script: in one share or in three, readable or not."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from tests.support.container_python import ROOT, container_environment, training_python

WORKLOAD = "video_3dcnn"
FOLDER = ROOT / "training_code" / WORKLOAD
CLIPS_A_CLASS = 4


def run(script: str, *arguments: object, ok: bool = True) -> subprocess.CompletedProcess[str]:
    command = [training_python(WORKLOAD), FOLDER / script, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=container_environment())
    assert not ok or done.returncode == 0, done.stderr
    return done


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sample")
    run("sample_data.py", folder, CLIPS_A_CLASS)
    return folder


def process(videos: Path, classes: Path, output: Path, *options: object, ok: bool = True):
    """The script with its outputs below `output`."""
    places = [text for name in ("train", "validation", "quarantine") for text in (f"--output-{name}", output / name)]
    return run("process.py", "--input-videos", videos, "--input-classes", classes, *places, *options, ok=ok)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def example(folder: Path, name: str) -> dict[str, np.ndarray]:
    (path,) = folder.rglob(f"{name}.npz")
    with np.load(path) as arrays:
        return {key: arrays[key] for key in arrays.files}


@pytest.fixture(scope="module")
def whole(sample, tmp_path_factory):
    """What one instance makes of everything, a fifth held out."""
    output = tmp_path_factory.mktemp("whole")
    printed = process(sample / "videos", sample / "classes", output).stdout
    return output, printed


def test_every_video_becomes_one_array_of_the_class_that_its_folder_names(whole, sample):
    output, printed = whole
    assert printed.startswith(f"videos={3 * CLIPS_A_CLASS} ")
    for number, name in enumerate(("circle", "square", "triangle")):
        labels = [example(output, f"{name}/{clip:04d}.mp4")["label"] for clip in range(CLIPS_A_CLASS)]
        assert labels == [number] * CLIPS_A_CLASS
    frames = example(output, "circle/0000.mp4")["frames"]
    assert (frames.shape, frames.dtype) == ((32, 32, 15, 3), np.uint8)


def test_the_frames_are_those_of_the_video_in_their_order(whole):
    """Circles move to the right, and are brighter than what is behind them."""
    output, _ = whole
    frames = example(output, "circle/0000.mp4")["frames"].astype(float).mean(axis=3)
    columns = np.arange(frames.shape[1])
    bright = np.clip(frames - np.median(frames), 0, None).sum(axis=0)  # columns x frames
    centres = (columns[:, None] * bright).sum(axis=0) / bright.sum(axis=0)
    assert (np.diff(centres) > 0).mean() > 0.8
    assert centres[-1] - centres[0] > 4


def test_three_shares_give_the_bytes_that_one_gives(whole, sample, tmp_path):
    """As ShardedByS3Key divides the objects: each instance sees every third of them, and all of the classes."""
    everything = sorted(path for path in (sample / "videos").rglob("*.mp4"))
    for share in range(3):
        for path in everything[share::3]:
            copy = tmp_path / f"share-{share}" / path.relative_to(sample / "videos")
            copy.parent.mkdir(parents=True, exist_ok=True)
            os.link(path, copy)
        process(tmp_path / f"share-{share}", sample / "classes", tmp_path / "output")
    output, _ = whole
    assert contents(tmp_path / "output") == contents(output)


def test_an_empty_share_is_no_failure(sample, tmp_path):
    (tmp_path / "nothing").mkdir()
    assert process(tmp_path / "nothing", sample / "classes", tmp_path / "output").stdout.startswith("videos=0 ")


def test_unreadable_videos_are_put_into_quarantine_with_the_reason_and_the_others_go_on(sample, tmp_path):
    videos = shutil.copytree(sample / "videos", tmp_path / "videos")
    (videos / "circle" / "garbage.mp4").write_bytes(b"no video at all")
    (videos / "square" / "cut.mp4").write_bytes((videos / "square" / "0000.mp4").read_bytes()[:3000])
    (videos / "triangle" / "empty.mp4").write_bytes(b"")
    (videos / "hexagon").mkdir()
    shutil.copy(videos / "square" / "0000.mp4", videos / "hexagon" / "unnamed.mp4")
    printed = process(videos, sample / "classes", tmp_path / "output").stdout
    quarantine = tmp_path / "output/quarantine"
    assert {path.relative_to(quarantine).as_posix() for path in quarantine.rglob("*.mp4")} == {
        "circle/garbage.mp4",
        "square/cut.mp4",
        "triangle/empty.mp4",
        "hexagon/unnamed.mp4",
    }
    reason = (quarantine / "hexagon/unnamed.mp4.reason.txt").read_text()
    assert reason.startswith("hexagon/unnamed.mp4: lies in 'hexagon', which classes.txt does not name: circle, ")
    assert "quarantined circle/garbage.mp4: is not a video that OpenCV can open" in printed
    assert printed.splitlines()[-1].startswith(f"videos={3 * CLIPS_A_CLASS + 4} ")
    assert printed.splitlines()[-1].endswith("quarantine=4")


def test_a_share_without_one_readable_video_fails(sample, tmp_path):
    (tmp_path / "videos/circle").mkdir(parents=True)
    (tmp_path / "videos/circle/a.mp4").write_bytes(b"x")
    done = process(tmp_path / "videos", sample / "classes", tmp_path / "output", ok=False)
    assert (done.returncode, "no video of this instance's share could be used" in done.stderr) == (1, True)


def test_depth_colour_size_and_interval_are_options(sample, tmp_path):
    options = ("--frames", 4, "--color", "false", "--size", 16, "--interval", 3, "--validation-percent", 0)
    process(sample / "videos", sample / "classes", tmp_path, *options)
    found = example(tmp_path / "train", "square/0001.mp4")
    assert (found["frames"].shape, int(found["interval"])) == ((16, 16, 4, 1), 3)


def test_a_video_with_too_few_frames_is_quarantined(sample, tmp_path):
    done = process(sample / "videos", sample / "classes", tmp_path, "--interval", 2, ok=False)
    assert "has 20 frames; 29 are needed" in done.stdout


@pytest.mark.parametrize(
    ("text", "told"),
    [("circle\n", "names 1 classes"), ("a\nb\na\n", "names 'a' more than once"), ("a\n../b\n", "'../b' cannot be")],
)
def test_a_list_that_is_none_ends_the_step(sample, tmp_path, text, told):
    (tmp_path / "classes.txt").write_text(text)
    done = process(sample / "videos", tmp_path, tmp_path / "output", ok=False)
    assert done.returncode == 1
    assert "InvalidClasses: classes.txt: " in done.stderr
    assert told in done.stderr


def test_the_sample_is_the_same_every_time(sample, tmp_path):
    run("sample_data.py", tmp_path, CLIPS_A_CLASS)
    assert contents(tmp_path) == contents(sample)


@pytest.mark.parametrize("name", ["batches.py", "callbacks.py", "saving.py"])
def test_both_keras_workloads_have_the_same_copy(name):
    assert (FOLDER / name).read_bytes() == (ROOT / "training_code/fashion_mnist_keras" / name).read_bytes()
