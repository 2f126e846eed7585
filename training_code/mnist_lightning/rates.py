"""Finds a learning rate: a short training in which it grows with each step, until the loss falls no more."""

from __future__ import annotations

import math
from typing import Any

import pytorch_lightning as pl
import torch
import torch.nn.functional as F
from data import Batch, MnistData
from model import DigitClassifier
from torch.optim.lr_scheduler import LambdaLR, LRScheduler

STEPS = 100
LOWEST, HIGHEST = 1e-5, 1.0
_MEMORY = 0.98  # of the running mean of the losses


def find(model: DigitClassifier, data: MnistData, trainer_settings: dict[str, Any]) -> float:
    """The highest rate for `model`, which stays as it is, of a one-cycle schedule.

    It is a tenth of the one at which the loss stops falling while the rate grows (a rule of thumb after Smith, "A
    disciplined approach to neural network hyper-parameters", 2018).
    """
    search = _Search(**model.hparams)
    search.network.load_state_dict(model.network.state_dict())
    # An epoch has one step at least, so there are epochs enough for all of them.
    whole = {"max_epochs": STEPS, "limit_val_batches": 0, "logger": False, "enable_checkpointing": False}
    trainer = pl.Trainer(**trainer_settings, **whole)
    trainer.fit(search, datamodule=data)
    losses = search.smoothed()
    return _rate(losses.index(min(losses))) / 10


def _rate(step: int) -> float:
    return LOWEST * math.exp(step / STEPS * math.log(HIGHEST / LOWEST))


class _Search(DigitClassifier):
    """The same steps with a rate that grows; it keeps the loss of each."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._losses: list[torch.Tensor] = []

    def schedule(self, optimizer: torch.optim.Optimizer) -> LRScheduler:
        return LambdaLR(optimizer, lambda step: _rate(step) / self.learning_rate)

    def training_step(self, batch: Batch, batch_idx: int) -> None:
        size = self.hparams["batch_size"]
        images, labels = (values[: size * (STEPS - len(self._losses))] for values in batch)
        logits = self.optimize(images, labels)
        for found, truth in zip(logits.split(size), labels.split(size), strict=True):
            # Of all processes: each of them has to find the same rate.
            self._losses.append(self.trainer.strategy.reduce(F.cross_entropy(found.float(), truth), reduce_op="mean"))
        self.trainer.should_stop = len(self._losses) >= STEPS

    def smoothed(self) -> list[float]:
        mean, found = 0.0, []
        for number, loss in enumerate(torch.stack(self._losses).tolist(), start=1):
            mean = _MEMORY * mean + (1 - _MEMORY) * loss
            found.append(mean / (1 - _MEMORY**number))
        return found
