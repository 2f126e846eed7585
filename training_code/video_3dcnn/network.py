"""Conv32-Conv32-Pool-Drop, Conv64-Conv64-Pool-Drop, Dense512, over height, width and time."""

from __future__ import annotations

import keras


def build(*, shape: tuple[int, ...], classes: int, filters: int, learning_rate: float, steps: int) -> keras.Model:
    """A compiled model: frames (N x `shape`, 0 to 255) -> probabilities (N x `classes`).

    `filters` are those of the first two convolutions (the others have twice as many). The learning rate falls along a
    cosine from `learning_rate` to zero in `steps` batches.
    """
    # Keras keeps the channels last and PyTorch computes with them first, so that every layer would turn its arrays
    # round twice.
    first = keras.backend.backend() == "torch"
    model = _layers(shape, classes, filters, "channels_first" if first else "channels_last")
    model.compile(
        optimizer=keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(learning_rate, steps)),
        loss=keras.losses.SparseCategoricalCrossentropy(),
        metrics=["accuracy"],
    )
    return model


def served(model: keras.Model, *, filters: int) -> keras.Model:
    """The same function with the channels last, which every engine computes everywhere; without optimizer."""
    found = _layers(model.input_shape[1:], model.output_shape[1], filters, "channels_last")
    found(keras.ops.zeros((1, *model.input_shape[1:])))  # Keras exports no model unused
    found.set_weights(model.get_weights())  # they have the same shapes and order, wherever the channels are
    return found


def _layers(shape: tuple[int, ...], classes: int, filters: int, data_format: str) -> keras.Model:
    layers = keras.layers
    place = {"data_format": data_format}

    def block(width: int) -> list[keras.Layer]:
        convolution = {"padding": "same", "activation": "relu", **place}
        convolutions = [layers.Conv3D(width, 3, **convolution) for _ in range(2)]
        return [*convolutions, layers.MaxPooling3D(3, padding="same", **place), layers.Dropout(0.25)]

    return keras.Sequential(
        [
            keras.Input(shape, name="frames"),
            layers.Rescaling(1 / 255),
            *([] if data_format == "channels_last" else [layers.Permute((4, 1, 2, 3))]),
            *block(filters),
            *block(2 * filters),
            layers.Flatten(**place),
            layers.Dense(512, activation="relu"),
            layers.Dropout(0.5),
            layers.Dense(classes, activation="softmax", name="probabilities"),
        ],
        name="video",
    )
