"""A torch module on a GPU by CUDA graphs: the kernels for a batch of one size are recorded once, and then started by
one call, not each by one of Python's.

There was no GPU when this was written: `record` has never run. `PaddedBatches` has, on a processor.
Sources: https://docs.pytorch.org/docs/stable/notes/cuda.html#cuda-graphs
https://docs.nvidia.com/dl-cuda-graph/torch-cuda-graph/quick-checklist.html
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

Tensor = Any
Repeat = Callable[[], None]

_WARM_UP = 3
_TOLERANCE, _TOLERANCE_OF_HALVES = 1e-4, 5e-2


class PaddedBatches:
    """Batches filled up to a power of two, because a recording is of one size. To be used in torch's inference mode, by
    one thread at a time.

    Args:
        example: rows that the module takes, on its device.
        rows: of the largest batch.
        recorded: what a tensor holds through the module -> what does that again, and the tensor in which its answers
            lie then.
    """

    def __init__(self, example: Tensor, rows: int, recorded: Callable[[Tensor], tuple[Repeat, Tensor]]) -> None:
        torch = sys.modules["torch"]
        largest = 1 << (rows - 1).bit_length()
        shape = (largest, *example.shape[1:])
        # Pinned: the GPU reads it by itself, without another copy.
        self._staged = torch.zeros(shape, dtype=example.dtype, pin_memory=example.is_cuda)
        self._given = torch.zeros(shape, dtype=example.dtype, device=example.device)
        self.sizes = [1 << power for power in reversed(range(largest.bit_length()))]
        self._recorded = {size: recorded(self._given[:size]) for size in self.sizes}

    def takes(self, batch: Tensor) -> bool:
        """Of the example's kind, and not too large."""
        staged = self._staged
        return batch.dtype == staged.dtype and batch.shape[1:] == staged.shape[1:] and 0 < len(batch) <= len(staged)

    def __call__(self, batch: Tensor) -> Tensor:
        """The module's answers, in the processor's memory."""
        rows = len(batch)
        size = 1 << (rows - 1).bit_length()
        self._staged[:rows] = batch
        self._staged[rows:size] = 0
        self._given[:size].copy_(self._staged[:size], non_blocking=True)
        repeat, answers = self._recorded[size]
        repeat()
        return answers[:rows].to("cpu", copy=True)  # waits until they are there, so that the next batch may be staged


def record(module: Any, example: Tensor, rows: int) -> PaddedBatches:
    """For batches of up to `rows` rows. Raises RuntimeError where the module cannot be recorded, as one that decides by
    what it has computed, or where a recording does not answer what the module answers.
    """
    pool = sys.modules["torch"].cuda.graph_pool_handle()  # all share their memory: they never run at the same time
    batches = PaddedBatches(example, rows, lambda given: _recorded(module, given, pool))
    check(batches, module, example)
    return batches


def check(batches: PaddedBatches, module: Any, example: Tensor) -> None:
    """Raises RuntimeError where the answers to the example's rows are not those of the module."""
    torch = sys.modules["torch"]
    for size in batches.sizes:
        rows = example[torch.arange(size, device=example.device) % len(example)]
        expected, found = module(rows).to("cpu"), batches(rows.to("cpu"))
        tolerance = _TOLERANCE if expected.dtype.itemsize >= 4 else _TOLERANCE_OF_HALVES
        if not torch.allclose(found.float(), expected.float(), rtol=tolerance, atol=tolerance, equal_nan=True):
            raise RuntimeError(f"a recording of {size} rows does not answer what the model answers")


def _recorded(module: Any, given: Tensor, pool: Any) -> tuple[Repeat, Tensor]:
    torch = sys.modules["torch"]
    graph, aside = torch.cuda.CUDAGraph(), torch.cuda.Stream()
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside), _waiting_refused():
        for _ in range(_WARM_UP):  # libraries choose their kernels, and allocate, on the first calls
            module(given)
    torch.cuda.current_stream().wait_stream(aside)
    # Where a recording fails, torch does not go back to the stream from before by itself.
    with torch.cuda.stream(torch.cuda.current_stream()), torch.cuda.graph(graph, pool=pool):
        answers = module(given)
    return graph.replay, answers


@contextmanager
def _waiting_refused() -> Iterator[None]:
    """Whoever waits for the GPU, to decide by what it has computed, is told by RuntimeError; told while it is recorded,
    it would leave torch in between.
    """
    cuda = sys.modules["torch"].cuda
    before = cuda.get_sync_debug_mode()
    cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        cuda.set_sync_debug_mode(before)
