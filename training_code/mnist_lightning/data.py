"""MNIST's four files as batches: decoded once into tensors, then only indexed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import idx
import pytorch_lightning as pl
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

VALIDATION_SHARE = 0.2
MAX_SHIFT = 2  # pixels; digits are shifted, never flipped: a flipped digit is another digit, or none
Batch = tuple[Tensor, Tensor]


def read_split(folder: Path, prefix: str) -> Batch:
    """Images (uint8, N x 28 x 28) and labels (int64, N) of `train` or `t10k`. Raises idx.InvalidIdxFile, OSError."""
    path = idx.find_file(folder, f"{prefix}-images-idx3-ubyte")
    images = idx.read_images(path)
    if not len(images):
        raise idx.InvalidIdxFile(path, "holds no images")
    labels = idx.read_labels(idx.find_file(folder, f"{prefix}-labels-idx1-ubyte"), images=len(images))
    return torch.from_numpy(images), torch.from_numpy(labels).long()


def shifted(images: Tensor, limit: int = MAX_SHIFT) -> Tensor:
    """Each image (N x H x W) moved by up to `limit` pixels in both directions, filled with black."""
    count, height, width = images.shape
    windows = F.pad(images, (limit,) * 4).unfold(1, height, 1).unfold(2, width, 1)
    down, right = torch.randint(2 * limit + 1, (2, count), device=images.device)
    return windows[torch.arange(count, device=images.device), down, right]


class Digits(Dataset[Batch]):
    """Indexed by a tensor of indices: one call makes a whole batch."""

    def __init__(self, images: Tensor, labels: Tensor) -> None:
        self.images = images
        self.labels = labels

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, indices: Tensor) -> Batch:
        return self.images[indices], self.labels[indices]


class BatchIndices(Sampler[Tensor]):
    """Index tensors of one epoch's batches.

    With a seed, the order depends on nothing but the seed and the epoch, so that a resumed run sees the same batches;
    of `world_size` processes each gets its own share, all of the same length. Without one: everything, in order.
    """

    def __init__(
        self, count: int, *, batch_size: int, seed: int | None = None, rank: int = 0, world_size: int = 1
    ) -> None:
        self._count = count
        self._batch_size = batch_size
        self._seed = seed
        self._rank = rank
        self._world_size = world_size
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Called by the Trainer at the start of each epoch."""
        self._epoch = epoch

    def __len__(self) -> int:
        return -(-(self._count // self._world_size) // self._batch_size)

    def __iter__(self) -> Iterator[Tensor]:
        # A generator, which starts with the first batch: a resumed Trainer asks for the iterator before set_epoch.
        if self._seed is None:
            yield from torch.arange(self._count).split(self._batch_size)
            return
        generator = torch.Generator().manual_seed(self._seed * 1_000_003 + self._epoch)
        order = torch.randperm(self._count, generator=generator)
        share = self._count // self._world_size
        yield from order[self._rank * share : (self._rank + 1) * share].split(self._batch_size)


class MnistData(pl.LightningDataModule):
    """Training and validation images from `train_dir`, split by the seed; test images from `test_dir`.

    `batch_size` is per device. Validation and test are not shared out between processes: each evaluates all images, so
    that the figures are exact and no process waits for another one's longer share.
    """

    def __init__(self, *, train_dir: Path, test_dir: Path, batch_size: int, seed: int) -> None:
        super().__init__()
        self._train_dir = train_dir
        self._test_dir = test_dir
        self._batch_size = batch_size
        self._seed = seed
        self._sets: dict[str, Digits] = {}

    def setup(self, stage: str) -> None:
        """Reads the files once, whatever the Trainer does afterwards."""
        if self._sets:
            return
        images, labels = read_split(self._train_dir, "train")
        order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(self._seed))
        held_out = int(len(labels) * VALIDATION_SHARE)
        validation, training = order[:held_out], order[held_out:]
        self._sets = {
            "train": Digits(images[training], labels[training]),
            "validation": Digits(images[validation], labels[validation]),
            "test": Digits(*read_split(self._test_dir, "t10k")),
        }

    def train_dataloader(self) -> DataLoader[Batch]:
        trainer = self.trainer
        world = {"rank": trainer.global_rank, "world_size": trainer.world_size} if trainer else {}
        count = len(self._sets["train"])
        return self._loader("train", BatchIndices(count, batch_size=self._batch_size, seed=self._seed, **world))

    def val_dataloader(self) -> DataLoader[Batch]:
        return self._evaluation_loader("validation")

    def test_dataloader(self) -> DataLoader[Batch]:
        return self._evaluation_loader("test")

    def on_after_batch_transfer(self, batch: Batch, dataloader_idx: int) -> Batch:
        images, labels = batch
        training = self.trainer is not None and self.trainer.training
        return (shifted(images) if training else images), labels

    def _evaluation_loader(self, name: str) -> DataLoader[Batch]:
        return self._loader(name, BatchIndices(len(self._sets[name]), batch_size=max(self._batch_size, 512)))

    def _loader(self, name: str, batches: BatchIndices) -> DataLoader[Batch]:
        # No worker processes: indexing tensors in memory is faster than sending batches between processes.
        return DataLoader(
            self._sets[name],
            sampler=batches,
            batch_size=None,
            pin_memory=torch.cuda.is_available(),
            generator=torch.Generator(),  # not the global one: a resumed run would draw at other moments
        )
