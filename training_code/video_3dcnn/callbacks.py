"""What happens around each epoch: a seed, a line of figures, TensorBoard's curves, a checkpoint."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import keras

CHECKPOINT = "last.keras"
_NAMES = {"loss": "train_loss", "accuracy": "train_accuracy", "val_loss": "validation_loss"} | {
    "val_accuracy": "validation_accuracy"
}


class Seeded(keras.callbacks.Callback):
    """Chance starts anew in each epoch, from its number: PyTorch's is no part of a checkpoint."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._seed = seed

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        keras.utils.set_random_seed((self._seed + epoch) % 2**32)


class MetricLines(keras.callbacks.Callback):
    """One line of figures per epoch, which SageMaker's metric definitions read."""

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._started = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        told = " ".join(f"{name}={logs[key]:.4f}" for key, name in _NAMES.items() if logs and key in logs)
        print(f"epoch={epoch + 1} {told} seconds={time.monotonic() - self._started:.2f}", flush=True)


class Curves(keras.callbacks.Callback):
    """TensorBoard's event files. Keras's own callback of that purpose needs TensorFlow."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        from tensorboardX import SummaryWriter  # only here: a run without logs needs no package for them

        self._writer = SummaryWriter(str(self._folder))

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        for key, name in _NAMES.items():
            if logs and key in logs:
                self._writer.add_scalar(name, logs[key], epoch + 1)
        self._writer.flush()

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        self._writer.close()


class Checkpoint(keras.callbacks.Callback):
    """The whole model with its optimizer's state after each epoch, in one file that is replaced at once."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._path = folder / CHECKPOINT

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        # A dot file: what is half written must not be taken for a checkpoint.
        partial = self._path.with_name(f".partial-{CHECKPOINT}")
        self.model.save(partial)
        os.replace(partial, self._path)


def resumed(folder: Path | None) -> keras.Model | None:
    """The model of the checkpoint in `folder`, with its optimizer; None where there is none."""
    path = folder / CHECKPOINT if folder else None
    return keras.saving.load_model(path, safe_mode=True) if path and path.is_file() else None


def epochs_done(model: keras.Model, *, batches: int) -> int:
    """How many epochs of `batches` steps the optimizer has behind it."""
    return int(model.optimizer.iterations) // batches


def chosen(*, seed: int, checkpoint_dir: Path | None, output_data_dir: Path | None) -> list[keras.callbacks.Callback]:
    """The callbacks of a run, the figures' line last: who reads it finds the epoch's checkpoint in place."""
    found: list[keras.callbacks.Callback] = [Seeded(seed)]
    if checkpoint_dir:
        checkpoint_dir.mkdir(parents=True, exist_ok=True)
        found.append(Checkpoint(checkpoint_dir))
    if output_data_dir:
        found.append(Curves(output_data_dir / "tensorboard"))
    return [*found, MetricLines()]
