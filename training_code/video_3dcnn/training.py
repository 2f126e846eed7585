"""One training run: fit, measure, save."""

from __future__ import annotations

import json
from argparse import Namespace
from dataclasses import asdict
from pathlib import Path
from typing import Any

import callbacks
import classes
import keras
import network
import numpy as np
import saving
from batches import Batches
from shared import examples

_MEASURED_AT_ONCE = 16


class ClassesDisagree(ValueError):
    """The videos, classes.txt and the hyperparameter nclass do not fit together."""


def run(options: Namespace) -> None:
    """Trains as `options` (train.parse) say and writes the model. Raises what reading the data raises."""
    names = _names(options)
    given, held_out = examples.read(options.train), examples.read(options.validation)
    if (highest := max(given.labels.max(), held_out.labels.max())) >= len(names):
        raise ClassesDisagree(f"an example is of class {highest}, but {classes.FILE} names {len(names)}")
    keras.utils.set_random_seed(options.seed)
    model = callbacks.resumed(options.checkpoint_dir)
    batches = -(-len(given.labels) // options.batch_size)
    first = callbacks.epochs_done(model, batches=batches) if model else 0
    model = model or network.build(
        shape=given.shape.array,
        classes=len(names),
        filters=options.filters,
        learning_rate=options.learning_rate,
        steps=batches * options.epochs,
    )
    print(
        f"backend={keras.backend.backend()} examples={len(given.labels)} first_epoch={first + 1}"
        f" epochs={options.epochs} classes={len(names)}",
        flush=True,
    )
    model.fit(
        Batches(given.frames, given.labels, size=options.batch_size, seed=options.seed, first_epoch=first),
        validation_data=(held_out.frames.astype(np.float32), held_out.labels),
        validation_batch_size=_MEASURED_AT_ONCE,
        initial_epoch=first,
        epochs=options.epochs,
        verbose=0,
        callbacks=callbacks.chosen(
            seed=options.seed, checkpoint_dir=options.checkpoint_dir, output_data_dir=options.output_data_dir
        ),
    )
    description = {"classes": names, "clip": asdict(given.shape)}
    _finish(model, held_out, options, description=description)


def _names(options: Namespace) -> list[str]:
    names = classes.read(options.classes)
    if options.nclass not in (0, len(names)):
        raise ClassesDisagree(f"nclass is {options.nclass}, but {classes.FILE} names {len(names)}: {', '.join(names)}")
    return names


def _finish(
    model: keras.Model, held_out: examples.Examples, options: Namespace, *, description: dict[str, Any]
) -> None:
    folder: Path = options.model_dir
    figures = model.evaluate(
        held_out.frames.astype(np.float32), held_out.labels, batch_size=_MEASURED_AT_ONCE, verbose=0, return_dict=True
    )
    print(f"validation_accuracy={figures['accuracy']:.4f} validation_loss={figures['loss']:.4f}", flush=True)
    folder.mkdir(parents=True, exist_ok=True)
    saving.save(network.served(model, filters=options.filters), folder)
    metrics = {f"validation_{name}": figures[name] for name in ("accuracy", "loss")}
    text = json.dumps(description | {"metrics": metrics}, indent=2, sort_keys=True)
    (folder / "config.json").write_text(f"{text}\n", encoding="utf-8")
