"""What is learned: cross entropy on logits, Adam with a one-cycle learning rate."""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl
import torch
import torch.nn.functional as F
from data import Batch
from networks import NETWORKS
from torch import Tensor


class DigitClassifier(pl.LightningModule):
    """A network of networks.py with its optimizer. Logs `{train,val,test}_{loss,accuracy}` once an epoch."""

    def __init__(self, *, network: str, dropout: float, learning_rate: float, seed: int) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.network = NETWORKS[network](dropout)
        self.learning_rate = learning_rate  # the learning-rate finder sets it

    def forward(self, images: Tensor) -> Tensor:
        return self.network(images)

    def on_train_epoch_start(self) -> None:
        # Shifts and dropout then depend on seed, epoch and process only: a resumed run repeats what was interrupted.
        step = self.current_epoch * self.trainer.world_size + self.global_rank
        torch.manual_seed(self.hparams["seed"] * 1_000_003 + step)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        return self._step("train", batch)

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        self._step("val", batch)

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        self._step("test", batch)

    def configure_optimizers(self) -> dict[str, Any]:
        optimizer = torch.optim.Adam(self.parameters(), lr=self.learning_rate)
        steps = int(self.trainer.estimated_stepping_batches)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=self.learning_rate, total_steps=steps)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def _step(self, stage: str, batch: Batch) -> Tensor:
        images, labels = batch
        logits = self(images)
        loss = F.cross_entropy(logits, labels)
        accuracy = (logits.argmax(dim=1) == labels).float().mean()
        # Summed on the device and read once an epoch: reading every step would make the device wait for Python.
        values = {f"{stage}_loss": loss.detach(), f"{stage}_accuracy": accuracy}
        self.log_dict(values, on_step=False, on_epoch=True, batch_size=len(labels), sync_dist=stage == "train")
        return loss
