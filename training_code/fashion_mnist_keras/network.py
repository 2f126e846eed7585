"""Conv64-Pool-Conv64-Pool-Dense512-Dropout-Dense10."""

from __future__ import annotations

import keras
from arrays import CLASSES, SHAPE


def build(*, learning_rate: float, dropout: float, steps: int) -> keras.Model:
    """A compiled model: grey levels (N x 28 x 28, 0 to 255) -> probabilities (N x 10).

    The learning rate falls along a cosine from `learning_rate` to zero in `steps` batches.
    """
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input(SHAPE, name="images"),
            layers.Rescaling(1 / 255),  # inside, so that nobody who uses the model can forget it
            layers.Reshape((*SHAPE, 1)),
            layers.Conv2D(64, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(64, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(512, activation="relu"),
            layers.Dropout(dropout),
            layers.Dense(CLASSES, activation="softmax", name="probabilities"),
        ],
        name="fashion",
    )
    model.compile(
        optimizer=keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(learning_rate, steps)),
        loss=keras.losses.SparseCategoricalCrossentropy(),
        metrics=["accuracy"],
    )
    return model
