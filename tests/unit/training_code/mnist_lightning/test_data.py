"""Batches and augmentation, in the interpreter that trains."""

from __future__ import annotations

import subprocess

import pytest

from tests.support.container_python import ROOT, container_environment

SHIFTS = """
image = torch.zeros(28, 28, dtype=torch.uint8)
image[10, 12], image[20, 12], image[20, 15] = 1, 2, 3    # no symmetry: a flip would show
images = image.repeat(400, 1, 1)
moved = data.shifted(images)
possible = {(dy, dx): torch.roll(image, (dy, dx), (0, 1)) for dy in range(-2, 3) for dx in range(-2, 3)}
seen = {next(s for s, p in possible.items() if torch.equal(p, m)) for m in moved}
assert len(seen) == 25, seen
"""
BATCHES = """
def epoch(number, rank=0, world=1, seed=3):
    batches = data.BatchIndices(103, batch_size=16, seed=seed, rank=rank, world_size=world)
    batches.set_epoch(number)
    drawn = list(batches)
    assert len(drawn) == len(batches)
    return drawn
flat = lambda batches: torch.cat(batches).tolist()
assert sorted(flat(epoch(0))) == list(range(103))
assert flat(epoch(0)) == flat(epoch(0)) != flat(epoch(1))
assert flat(epoch(0)) != flat(epoch(0, seed=4))
shares = [flat(epoch(2, rank, 2)) for rank in (0, 1)]
assert [len(share) for share in shares] == [51, 51] and not set(shares[0]) & set(shares[1])
assert flat(list(data.BatchIndices(103, batch_size=16))) == list(range(103))
"""


@pytest.mark.parametrize("checks", [SHIFTS, BATCHES], ids=["shifted, never flipped", "shuffled, shared, repeatable"])
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
