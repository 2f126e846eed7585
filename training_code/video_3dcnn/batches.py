"""Arrays in memory -> batches, in an order that a seed and the epoch's number decide."""

from __future__ import annotations

import keras
import numpy as np


class Batches(keras.utils.PyDataset):
    """Training batches. An epoch's order follows from its number, so a resumed run sees what the whole one saw."""

    def __init__(self, examples: np.ndarray, labels: np.ndarray, *, size: int, seed: int, first_epoch: int = 0) -> None:
        super().__init__()
        self._examples, self._labels, self._size, self._seed = examples, labels, size, seed
        self._epoch = first_epoch
        self._shuffle()

    @property
    def num_batches(self) -> int:
        return -(-len(self._labels) // self._size)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        chosen = self._order[index * self._size : (index + 1) * self._size]
        return self._examples[chosen].astype(np.float32), self._labels[chosen]

    def on_epoch_end(self) -> None:
        self._epoch += 1
        self._shuffle()

    def _shuffle(self) -> None:
        self._order = np.random.default_rng([self._seed, self._epoch]).permutation(len(self._labels))
