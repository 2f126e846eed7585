"""A model that is not the one that was evaluated is never loaded."""

from __future__ import annotations

import subprocess

import pytest

CODE = """
import pathlib
def model_fn(model_dir):
    print("model_fn ran", flush=True)
    return (pathlib.Path(model_dir) / "model.bin").read_bytes()
def predict_fn(data, model):
    return [len(model)]
"""
PRINT = "import sys, pathlib, server.model.fingerprint as f; print(f.fingerprint(pathlib.Path(sys.argv[1])).sha256)"


@pytest.fixture
def container(make_container):
    container = make_container().with_code({"inference.py": CODE})
    model = container.ml / "model"
    (model / "parts").mkdir()
    (model / "model.bin").write_bytes(bytes(range(256)))
    (model / "parts/a.json").write_text("{}")
    return container


def sha256(container) -> str:
    command = [*container.command()[:1], "-c", PRINT, container.ml / "model"]
    done = subprocess.run(command, env=container.environment(), capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_the_model_that_was_evaluated_is_served(container, start):
    assert start(container, SLIPWAY_MODEL_SHA256=sha256(container)).ping() == 200


def flip(model):
    content = bytearray((model / "model.bin").read_bytes())
    content[100] ^= 1
    (model / "model.bin").write_bytes(content)


CHANGES = {
    "a byte": flip,
    "a file more": lambda model: (model / "parts/b.json").write_text("{}"),
    "a file less": lambda model: (model / "parts/a.json").unlink(),
    "another name": lambda model: (model / "parts/a.json").rename(model / "parts/c.json"),
    "a link": lambda model: (model / "link").symlink_to(model / "model.bin"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_model_with_a_change_is_refused_by_name_and_never_loaded(container, start, change):
    expected = sha256(container)
    CHANGES[change](container.ml / "model")
    server = start(container, ready=False, SLIPWAY_MODEL_SHA256=expected)
    assert server.process.wait(timeout=60) == 1
    assert "SwappedArtifact: " in server.log
    assert str(container.ml / "model") in server.log
    assert change == "a link" or expected in server.log
    assert "model_fn ran" not in server.log


def test_when_and_by_whom_it_was_unpacked_does_not_count(container):
    before = sha256(container)
    (container.ml / "model/empty").mkdir()
    (container.ml / "model/model.bin").touch()
    (container.ml / "model/model.bin").chmod(0o600)
    assert sha256(container) == before


EACH_BYTE = """
import pathlib, sys
from server.model.fingerprint import SwappedArtifact, fingerprint, require
folder = pathlib.Path(sys.argv[1])
path, expected = folder / "model.bin", fingerprint(folder).sha256
content = path.read_bytes()
refused = 0
for place in range(len(content)):
    path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1:])
    try:
        require(folder, expected)
    except SwappedArtifact:
        refused += 1
path.write_bytes(content)
require(folder, expected)
print(refused)
"""


def test_each_of_its_bytes_counts(container):
    command = [*container.command()[:1], "-c", EACH_BYTE, container.ml / "model"]
    done = subprocess.run(command, env=container.environment(), capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "256"
