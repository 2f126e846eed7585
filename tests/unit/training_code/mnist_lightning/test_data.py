"""Batches and augmentation, in the interpreter that trains."""

from __future__ import annotations

import subprocess

import pytest

from tests.support.container_python import ROOT, container_environment

SHIFTS = """
image = torch.zeros(28, 28, dtype=torch.uint8)
image[10, 12], image[20, 12], image[20, 15] = 1, 2, 3    # no symmetry: a flip would show
image[0, 0], image[27, 27] = 4, 5                        # neither come in again at the other side
def moved(down, right):
    wide = torch.nn.functional.pad(image, (2, 2, 2, 2))
    return wide[2 - down : 30 - down, 2 - right : 30 - right]
images = torch.stack([image, torch.full_like(image, 9)]).repeat(400, 1, 1)  # neighbours in memory do not show either
digits = data.ShiftedDigits(images, torch.arange(800), torch.device("cpu"))
drawn = torch.arange(800).flip(0)
found, labels = digits[drawn]
assert found.shape == (800, 28, 28) and torch.equal(labels, drawn)
possible = {(down, right): moved(down, right) for down in range(-2, 3) for right in range(-2, 3)}
seen = {next(s for s, p in possible.items() if torch.equal(p, m)) for m in found[labels % 2 == 0]}
assert len(seen) == 25, seen
assert {int(m.max()) for m in found[labels % 2 == 1]} == {9}
same, _ = data.Digits(images, torch.arange(800), torch.device("cpu"))[drawn]
assert torch.equal(same, images.flip(0))
"""
CHUNKS = """
def epoch(number, rank=0, world=1, seed=3):
    chunks = data.Chunks(103, chunk=16, seed=seed, rank=rank, world_size=world)
    chunks.set_epoch(number)
    drawn = list(chunks)
    assert len(drawn) == len(chunks)
    return drawn
flat = lambda chunks: torch.cat(chunks).tolist()
assert sorted(flat(epoch(0))) == list(range(103))
assert flat(epoch(0)) == flat(epoch(0)) != flat(epoch(1))
assert flat(epoch(0)) != flat(epoch(0, seed=4))
shares = [flat(epoch(2, rank, 2)) for rank in (0, 1)]
assert [len(share) for share in shares] == [51, 51] and not set(shares[0]) & set(shares[1])
assert flat(list(data.Chunks(103, chunk=16))) == list(range(103))
"""


@pytest.mark.parametrize("checks", [SHIFTS, CHUNKS], ids=["shifted, never flipped", "shuffled, shared, repeatable"])
def test_batches(container_python, checks):
    done = subprocess.run(
        [container_python, "-c", f"import torch, data\n{checks}"],
        cwd=ROOT / "training_code/mnist_lightning",
        env=container_environment() | {"PYTHONPATH": "."},
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr
