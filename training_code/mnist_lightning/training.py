"""One training run: fit, test, export."""

from __future__ import annotations

import logging
import os
import time
import warnings
from argparse import Namespace
from pathlib import Path
from typing import Any

import artifact
import pytorch_lightning as pl
import rates
import torch
from data import MnistData
from model import DigitClassifier
from pytorch_lightning.callbacks import Callback, ModelCheckpoint
from pytorch_lightning.loggers import CSVLogger, Logger, TensorBoardLogger
from pytorch_lightning.utilities.exceptions import SIGTERMException

CHECKPOINT = "last"
_STOPPED = 128 + 15


def run(options: Namespace) -> None:
    """Trains as `options` (train.parse) say and writes the model. Raises what data, training and export raise."""
    _quiet()
    # Deterministic, PyTorch fills all memory that it hands out, for those who read it unset. Nobody here does.
    torch.utils.deterministic.fill_uninitialized_memory = False
    pl.seed_everything(options.seed, verbose=False)
    data = MnistData(train_dir=options.train, test_dir=options.test, batch_size=options.batch_size, seed=options.seed)
    data.setup("fit")  # a damaged file is told before anything else happens
    model = DigitClassifier(
        network=options.network,
        dropout=options.dropout,
        learning_rate=options.learning_rate,
        batch_size=options.batch_size,
        seed=options.seed,
    )
    trainer = _training(options)
    checkpoint = _checkpoint(options.checkpoint_dir)
    if options.find_learning_rate and checkpoint is None:
        model.learning_rate = rates.find(model, data, _settings(options))
        print(f"learning_rate={model.learning_rate:g}", flush=True)
    try:
        # weights_only: a checkpoint is data; nothing in it may run.
        trainer.fit(model, datamodule=data, ckpt_path=checkpoint, weights_only=checkpoint is not None)
    except SIGTERMException:
        raise SystemExit(_STOPPED) from None  # stopped, not finished; the last epoch's checkpoint is there
    (figures,) = trainer.test(model, datamodule=data, verbose=False)
    if trainer.is_global_zero:
        print(f"test_accuracy={figures['test_accuracy']:.4f} test_loss={figures['test_loss']:.4f}", flush=True)
        description = {"network": options.network, "dropout": options.dropout, "classes": 10, "metrics": figures}
        artifact.write_model(model.network, options.model_dir, description=description)


class MetricLines(Callback):
    """One line of figures per epoch, which SageMaker's metric definitions read."""

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if trainer.is_global_zero:
            devices, device = trainer.world_size, trainer.strategy.root_device.type
            print(
                f"epochs={trainer.max_epochs} first_epoch={trainer.current_epoch + 1}"
                f" batches_per_epoch={trainer.datamodule.steps_per_epoch(devices)} devices={devices} device={device}",
                flush=True,
            )

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._started = time.monotonic()

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if not trainer.is_global_zero or "train_loss" not in trainer.callback_metrics:
            return
        names = ("train_loss", "train_accuracy", "val_loss", "val_accuracy")
        figures = {name: float(value) for name, value in trainer.callback_metrics.items() if name in names}
        told = " ".join(f"{name}={figures[name]:.4f}" for name in names if name in figures)
        seconds = time.monotonic() - self._started
        print(f"epoch={trainer.current_epoch + 1} {told} seconds={seconds:.2f}", flush=True)


def _quiet() -> None:
    for name in ("pytorch_lightning", "lightning_fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="pytorch_lightning|lightning_fabric")


def _training(options: Namespace) -> pl.Trainer:
    callbacks: list[Callback] = [MetricLines()]
    if options.checkpoint_dir:
        callbacks.append(
            ModelCheckpoint(options.checkpoint_dir, CHECKPOINT, enable_version_counter=False)  # one file, replaced
        )
    return pl.Trainer(
        **_settings(options),
        max_epochs=options.epochs,
        callbacks=callbacks,
        logger=_loggers(options.output_data_dir),
        enable_checkpointing=options.checkpoint_dir is not None,
    )


def _settings(options: Namespace) -> dict[str, Any]:
    """Of the Trainer, whatever it is for."""
    return {
        "accelerator": "auto",
        # Under torchrun its processes are the devices; by hand, all that are there.
        "devices": int(os.environ.get("LOCAL_WORLD_SIZE", 0)) or "auto",
        "num_nodes": int(os.environ.get("GROUP_WORLD_SIZE", 1)),
        # Half the bytes, and the fast units of a GPU; on a processor the last bits of a figure would be all it changes.
        "precision": "bf16-mixed" if torch.cuda.is_available() and torch.cuda.is_bf16_supported() else "32-true",
        "use_distributed_sampler": False,  # data.Chunks shares the images out
        "deterministic": True,
        "log_every_n_steps": 10**9,  # the figures of an epoch are enough
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "num_sanity_val_steps": 0,
        "default_root_dir": options.output_data_dir or options.model_dir,
    }


def _loggers(folder: Path | None) -> list[Logger] | bool:
    if folder is None:
        return False
    return [CSVLogger(folder, name="", version="csv"), TensorBoardLogger(folder, name="", version="tensorboard")]


def _checkpoint(folder: Path | None) -> Path | None:
    path = folder / f"{CHECKPOINT}.ckpt" if folder else None
    return path if path and path.is_file() else None
