"""What is learned: cross entropy on logits, Adam with a one-cycle learning rate."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pytorch_lightning as pl
import torch
import torch.nn.functional as F
from data import Batch
from networks import NETWORKS
from torch import Tensor
from torch.optim.lr_scheduler import LRScheduler, OneCycleLR

MEASURED_AT_ONCE = 512


class DigitClassifier(pl.LightningModule):
    """A network of networks.py with its optimizer. Logs `{train,val,test}_{loss,accuracy}` once an epoch.

    The Trainer's own work costs as much as a step of a small network. So one of its training steps gets the images of
    many batches and takes a step of the optimizer for each ("manual optimization"); its `global_step` counts those
    calls, not the optimizer's steps.
    """

    def __init__(self, *, network: str, dropout: float, learning_rate: float, batch_size: int, seed: int) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.save_hyperparameters()
        # Convolutions want the channels of a pixel side by side: a third less time on a processor, too.
        self.network = NETWORKS[network](dropout).to(memory_format=torch.channels_last)
        self._totals: defaultdict[str, Totals] = defaultdict(Totals)
        self.learning_rate = learning_rate  # the learning-rate finder sets it

    def forward(self, images: Tensor) -> Tensor:
        return self.network(images)

    def on_train_epoch_start(self) -> None:
        # Shifts and dropout then depend on seed, epoch and process only: a resumed run repeats what was interrupted.
        step = self.current_epoch * self.trainer.world_size + self.global_rank
        torch.manual_seed(self.hparams["seed"] * 1_000_003 + step)

    def training_step(self, batch: Batch, batch_idx: int) -> None:
        images, labels = batch
        self._totals["train"].add(self.optimize(images, labels), labels)
        if self.trainer.is_last_batch:  # callbacks come before this module's own end of the epoch
            self._log("train")

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        self._measure("val", batch)

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        self._measure("test", batch)

    def on_validation_epoch_end(self) -> None:
        self._log("val")

    def on_test_epoch_end(self) -> None:
        self._log("test")

    def configure_optimizers(self) -> dict[str, Any]:
        optimizer = torch.optim.Adam(self.parameters(), lr=self.learning_rate, fused=True)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": self.schedule(optimizer), "interval": "step"}}

    def schedule(self, optimizer: torch.optim.Optimizer) -> LRScheduler:
        """The learning rate of each of the optimizer's steps."""
        data, trainer = self.trainer.datamodule, self.trainer
        steps = trainer.max_epochs * data.steps_per_epoch(trainer.world_size)
        return OneCycleLR(optimizer, max_lr=self.learning_rate, total_steps=steps)

    def optimize(self, images: Tensor, labels: Tensor) -> Tensor:
        """One step of the optimizer for each batch of these; the logits on which each step was based."""
        counted, schedule = self.optimizers(), self.lr_schedulers()
        optimizer = counted.optimizer
        # Lightning's own goes through a dozen hooks, of which one process needs none.
        backward = self.manual_backward if self.trainer.world_size > 1 else Tensor.backward
        size = self.hparams["batch_size"]
        batches = list(zip(images.split(size), labels.split(size), strict=True))
        found = []
        for number, (some, truth) in enumerate(batches, start=1):
            logits = self.network(some)
            found.append(logits.detach())
            optimizer.zero_grad()
            backward(F.cross_entropy(logits, truth))
            # The last step goes through the Trainer, which saves no checkpoint unless it sees steps.
            (counted if number == len(batches) else optimizer).step()
            schedule.step()
        return torch.cat(found)

    def _measure(self, stage: str, batch: Batch) -> None:
        images, labels = batch
        found = [self.network(some) for some in images.split(MEASURED_AT_ONCE)]
        self._totals[stage].add(torch.cat(found), labels)

    def _log(self, stage: str) -> None:
        figures = self._totals.pop(stage).figures()
        values = {f"{stage}_{name}": value for name, value in figures.items()}
        self.log_dict(values, on_step=False, on_epoch=True, sync_dist=stage == "train")


class Totals:
    """Of an epoch, summed on the device and read once: reading every step would make the device wait for Python."""

    def __init__(self) -> None:
        self._loss: Tensor | float = 0.0
        self._right: Tensor | int = 0
        self._examples = 0

    def add(self, logits: Tensor, labels: Tensor) -> None:
        self._loss = self._loss + F.cross_entropy(logits.float(), labels, reduction="sum")
        self._right = self._right + (logits.argmax(dim=1) == labels).sum()
        self._examples += len(labels)

    def figures(self) -> dict[str, Tensor | float]:
        """Loss and accuracy, means over the examples."""
        return {"loss": self._loss / self._examples, "accuracy": self._right / self._examples}
