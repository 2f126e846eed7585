"""MNIST's four files as batches: decoded once into tensors on the device that trains, then only indexed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytorch_lightning as pl
import torch
import torch.nn.functional as F
from shared import idx
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

VALIDATION_SHARE = 0.2
MAX_SHIFT = 2  # pixels; digits are shifted, never flipped: a flipped digit is another digit, or none
FETCHED_AT_ONCE = 8192  # images: one call indexes and shifts all of several batches
Batch = tuple[Tensor, Tensor]


def read_split(folder: Path, prefix: str) -> Batch:
    """Images (uint8, N x 28 x 28) and labels (int64, N) of `train` or `t10k`. Raises idx.InvalidIdxFile, OSError."""
    path = idx.find_file(folder, f"{prefix}-images-idx3-ubyte")
    images = idx.read_images(path)
    if not len(images):
        raise idx.InvalidIdxFile(path, "holds no images")
    labels = idx.read_labels(idx.find_file(folder, f"{prefix}-labels-idx1-ubyte"), images=len(images))
    return torch.from_numpy(images), torch.from_numpy(labels).long()


class Digits(Dataset[Batch]):
    """Indexed by a tensor of indices: one call makes many batches. idx.MAX_VALUES keeps it small enough for a GPU."""

    def __init__(self, images: Tensor, labels: Tensor, device: torch.device) -> None:
        self._images = images.to(device)
        self._labels = labels.to(device)

    def __len__(self) -> int:
        return len(self._labels)

    def __getitem__(self, indices: Tensor) -> Batch:
        indices = indices.to(self._labels.device)
        return self._images.index_select(0, indices), self._labels.index_select(0, indices)


class ShiftedDigits(Digits):
    """Each image, whenever it is asked for, moved by up to MAX_SHIFT pixels in both directions, filled with black."""

    def __init__(self, images: Tensor, labels: Tensor, device: torch.device) -> None:
        super().__init__(F.pad(images, (MAX_SHIFT,) * 4), labels, device)
        _, height, self._width = self._images.shape
        self._area = height * self._width
        self._shape = images.shape[1:]
        # The pixels from an image's first to its last one lie in one run, with margins between its rows. There is such
        # a run for each image and shift, all in the same memory, so that indexing them shifts.
        run = (self._shape[0] - 1) * self._width + self._shape[1]
        pixels = self._images.flatten()
        self._runs = pixels.as_strided((len(pixels) - run + 1, run), (1, 1))

    def __getitem__(self, indices: Tensor) -> Batch:
        indices = indices.to(self._labels.device)
        down, right = torch.randint(2 * MAX_SHIFT + 1, (2, len(indices)), device=indices.device)
        runs = self._runs.index_select(0, indices * self._area + down * self._width + right)
        images = runs.as_strided((len(indices), *self._shape), (runs.shape[1], self._width, 1))
        return images.contiguous(), self._labels.index_select(0, indices)


class Chunks(Sampler[Tensor]):
    """Index tensors of one epoch, `chunk` indices each and the rest in the last one.

    With a seed, the order depends on nothing but the seed and the epoch, so that a resumed run sees the same batches;
    of `world_size` processes each gets its own share, all of the same length. Without one: everything, in order.
    """

    def __init__(self, count: int, *, chunk: int, seed: int | None = None, rank: int = 0, world_size: int = 1) -> None:
        self._count = count
        self._chunk = chunk
        self._seed = seed
        self._rank = rank
        self._world_size = world_size
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Called by the Trainer at the start of each epoch."""
        self._epoch = epoch

    def __len__(self) -> int:
        return -(-(self._count // self._world_size) // self._chunk)

    def __iter__(self) -> Iterator[Tensor]:
        # A generator, which starts with the first chunk: a resumed Trainer asks for the iterator before set_epoch.
        if self._seed is None:
            yield from torch.arange(self._count).split(self._chunk)
            return
        generator = torch.Generator().manual_seed(self._seed * 1_000_003 + self._epoch)
        order = torch.randperm(self._count, generator=generator)
        share = self._count // self._world_size
        yield from order[self._rank * share : (self._rank + 1) * share].split(self._chunk)


class MnistData(pl.LightningDataModule):
    """Training and validation images from `train_dir`, split by the seed; test images from `test_dir`.

    `batch_size` is per device; the training loader gives many batches at once, for the model to split. Validation and
    test are not shared out between processes: each evaluates all images, so that the figures are exact and no process
    waits for another one's longer share.
    """

    def __init__(self, *, train_dir: Path, test_dir: Path, batch_size: int, seed: int) -> None:
        super().__init__()
        self._train_dir = train_dir
        self._test_dir = test_dir
        self._batch_size = batch_size
        self._seed = seed
        self._splits: dict[str, Batch] = {}

    def setup(self, stage: str) -> None:
        """Reads the files once, whatever the Trainer does afterwards."""
        if self._splits:
            return
        images, labels = read_split(self._train_dir, "train")
        order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(self._seed))
        held_out = int(len(labels) * VALIDATION_SHARE)
        validation, training = order[:held_out], order[held_out:]
        self._splits = {
            "train": (images[training], labels[training]),
            "validation": (images[validation], labels[validation]),
            "test": read_split(self._test_dir, "t10k"),
        }

    def steps_per_epoch(self, world_size: int) -> int:
        """How many batches each process trains on."""
        return -(-(len(self._splits["train"][1]) // world_size) // self._batch_size)

    def train_dataloader(self) -> DataLoader[Batch]:
        batches = max(FETCHED_AT_ONCE // self._batch_size, 1)
        world = {"rank": self._trainer.global_rank, "world_size": self._trainer.world_size}
        images, labels = self._splits["train"]
        chunks = Chunks(len(labels), chunk=batches * self._batch_size, seed=self._seed, **world)
        return self._loader(ShiftedDigits(images, labels, self._device), chunks)

    def val_dataloader(self) -> DataLoader[Batch]:
        return self._evaluation_loader("validation")

    def test_dataloader(self) -> DataLoader[Batch]:
        return self._evaluation_loader("test")

    @property
    def _trainer(self) -> pl.Trainer:
        assert self.trainer is not None  # noqa: S101 - the Trainer asks for its loaders
        return self.trainer

    @property
    def _device(self) -> torch.device:
        return self._trainer.strategy.root_device

    def _evaluation_loader(self, name: str) -> DataLoader[Batch]:
        images, labels = self._splits[name]
        chunks = Chunks(len(labels), chunk=FETCHED_AT_ONCE)
        return self._loader(Digits(images, labels, self._device), chunks)

    def _loader(self, digits: Digits, chunks: Chunks) -> DataLoader[Batch]:
        # No worker processes: indexing tensors in memory is faster than sending batches between processes. A generator
        # of its own, not the global one: a resumed run would draw at other moments.
        return DataLoader(digits, sampler=chunks, batch_size=None, generator=torch.Generator())
