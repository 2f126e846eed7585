"""Conv64-Pool-Conv64-Pool-Dense512-Dropout-Dense10."""

from __future__ import annotations

import keras
from shared.arrays import CLASSES, SHAPE


def build(*, learning_rate: float, dropout: float, steps: int) -> keras.Model:
    """A compiled model: grey levels (N x 28 x 28, 0 to 255) -> probabilities (N x 10).

    The learning rate falls along a cosine from `learning_rate` to zero in `steps` batches.
    """
    # Keras keeps the channels last and PyTorch computes with them first, so that every layer would turn its arrays
    # round twice: four tenths of a step.
    first = keras.backend.backend() == "torch"
    model = _layers(dropout, "channels_first" if first else "channels_last")
    model.compile(
        optimizer=keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(learning_rate, steps)),
        loss=keras.losses.SparseCategoricalCrossentropy(),
        metrics=["accuracy"],
    )
    return model


def served(model: keras.Model, *, dropout: float) -> keras.Model:
    """The same function with the channels last, which every engine computes everywhere; without optimizer."""
    found = _layers(dropout, "channels_last")
    found(keras.ops.zeros((1, *SHAPE)))  # Keras exports no model unused
    found.set_weights(model.get_weights())  # they have the same shapes and order, wherever the channels are
    return found


def _layers(dropout: float, data_format: str) -> keras.Model:
    layers = keras.layers
    place = {"data_format": data_format}
    convolution = {"padding": "same", "activation": "relu", **place}
    return keras.Sequential(
        [
            keras.Input(SHAPE, name="images"),
            layers.Rescaling(1 / 255),  # inside, so that nobody who uses the model can forget it
            layers.Reshape((*SHAPE, 1) if data_format == "channels_last" else (1, *SHAPE)),
            layers.Conv2D(64, 3, **convolution),
            layers.MaxPooling2D(**place),
            layers.Conv2D(64, 3, **convolution),
            layers.MaxPooling2D(**place),
            layers.Flatten(**place),
            layers.Dense(512, activation="relu"),
            layers.Dropout(dropout),
            layers.Dense(CLASSES, activation="softmax", name="probabilities"),
        ],
        name="fashion",
    )
