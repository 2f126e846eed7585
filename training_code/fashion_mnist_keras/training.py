"""One training run: fit, measure, save."""

from __future__ import annotations

import json
from argparse import Namespace
from pathlib import Path

import callbacks
import keras
import network
import numpy as np
import saving
from batches import Batches
from shared import arrays

_MEASURED_AT_ONCE = 512


def run(options: Namespace) -> None:
    """Trains as `options` (train.parse) say and writes the model. Raises what reading the data raises."""
    images, labels = arrays.read(options.training, "training")
    held_out = arrays.read(options.validation, "validation")
    keras.utils.set_random_seed(options.seed)
    model = callbacks.resumed(options.checkpoint_dir)
    batches = -(-len(labels) // options.batch_size)
    first = callbacks.epochs_done(model, batches=batches) if model else 0
    model = model or network.build(
        learning_rate=options.learning_rate, dropout=options.dropout, steps=batches * options.epochs
    )
    print(
        f"backend={keras.backend.backend()} examples={len(labels)} first_epoch={first + 1} epochs={options.epochs}"
        f" learning_rate={float(model.optimizer.learning_rate):g}",
        flush=True,
    )
    model.fit(
        Batches(images, labels, size=options.batch_size, seed=options.seed, first_epoch=first),
        validation_data=(held_out[0].astype(np.float32), held_out[1]),
        validation_batch_size=_MEASURED_AT_ONCE,
        initial_epoch=first,
        epochs=options.epochs,
        verbose=0,
        callbacks=callbacks.chosen(
            seed=options.seed, checkpoint_dir=options.checkpoint_dir, output_data_dir=options.output_data_dir
        ),
    )
    _finish(model, held_out, options)


def _finish(model: keras.Model, held_out: tuple[np.ndarray, np.ndarray], options: Namespace) -> None:
    folder: Path = options.model_dir
    images, labels = held_out
    figures = model.evaluate(
        images.astype(np.float32), labels, batch_size=_MEASURED_AT_ONCE, verbose=0, return_dict=True
    )
    print(f"validation_accuracy={figures['accuracy']:.4f} validation_loss={figures['loss']:.4f}", flush=True)
    folder.mkdir(parents=True, exist_ok=True)
    saving.save(network.served(model, dropout=options.dropout), folder)
    description = {"classes": arrays.CLASSES, "input": {"shape": list(arrays.SHAPE), "minimum": 0, "maximum": 255}}
    description["metrics"] = {f"validation_{name}": figures[name] for name in ("accuracy", "loss")}
    (folder / "config.json").write_text(json.dumps(description, indent=2, sort_keys=True) + "\n")
