"""Conv32-Conv32-Pool-Drop, Conv64-Conv64-Pool-Drop, Dense512, over height, width and time."""

from __future__ import annotations

import keras


def build(*, shape: tuple[int, ...], classes: int, filters: int, learning_rate: float, steps: int) -> keras.Model:
    """A compiled model: frames (N x `shape`, 0 to 255) -> probabilities (N x `classes`).

    `filters` are those of the first two convolutions (the others have twice as many). The learning rate falls along a
    cosine from `learning_rate` to zero in `steps` batches.
    """
    layers = keras.layers

    def block(width: int) -> list[keras.Layer]:
        convolutions = [layers.Conv3D(width, 3, padding="same", activation="relu") for _ in range(2)]
        return [*convolutions, layers.MaxPooling3D(3, padding="same"), layers.Dropout(0.25)]

    model = keras.Sequential(
        [
            keras.Input(shape, name="frames"),
            layers.Rescaling(1 / 255),
            *block(filters),
            *block(2 * filters),
            layers.Flatten(),
            layers.Dense(512, activation="relu"),
            layers.Dropout(0.5),
            layers.Dense(classes, activation="softmax", name="probabilities"),
        ],
        name="video",
    )
    model.compile(
        optimizer=keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(learning_rate, steps)),
        loss=keras.losses.SparseCategoricalCrossentropy(),
        metrics=["accuracy"],
    )
    return model
