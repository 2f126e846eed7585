"""The article's Keras script: floats of the whole set, one-hot labels, fit on arrays. Arguments: FOLDER EPOCHS."""

import os
import sys
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras
import numpy as np
from keras import layers


def read(path: Path) -> tuple[np.ndarray, np.ndarray]:
    arrays = np.load(path)
    return arrays["image"].reshape(-1, 28, 28, 1).astype("float32") / 255, arrays["label"]


class Lines(keras.callbacks.Callback):
    def on_epoch_end(self, epoch: int, logs: dict) -> None:
        print(f"epoch={epoch + 1} validation_accuracy={logs['val_accuracy']:.4f}", flush=True)


def main(folder: Path, epochs: int) -> None:
    keras.utils.set_random_seed(1)
    images, labels = read(folder / "training.npz")
    held_out, truth = read(folder / "validation.npz")
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(64, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(64, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(512, activation="relu"),
            layers.Dropout(0.3),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(optimizer=keras.optimizers.Adam(0.002), loss="categorical_crossentropy", metrics=["accuracy"])
    model.fit(
        images,
        keras.utils.to_categorical(labels, 10),
        batch_size=128,
        epochs=epochs,
        validation_data=(held_out, keras.utils.to_categorical(truth, 10)),
        shuffle=True,
        verbose=0,
        callbacks=[Lines()],
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
