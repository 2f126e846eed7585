"""The project's 3-D network: all arrays in a list, floats of the whole set, one-hot labels, fit on arrays.

`video_article.py FOLDER EPOCHS`; FOLDER holds train/ and validation/ of .npz files, as our processing step writes them.
"""

import os
import sys
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras
import numpy as np
from keras import layers


def read(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    found = [np.load(path) for path in sorted(folder.rglob("*.npz"))]
    frames = np.array([arrays["frames"] for arrays in found]).astype("float32") / 255
    return frames, keras.utils.to_categorical(np.array([arrays["label"] for arrays in found]), 3)


class Lines(keras.callbacks.Callback):
    def on_epoch_end(self, epoch: int, logs: dict) -> None:
        print(f"epoch={epoch + 1} train_loss={logs['loss']:.4f}", flush=True)


def main(folder: Path, epochs: int) -> None:
    keras.utils.set_random_seed(1)
    frames, labels = read(folder / "train")
    held_out = read(folder / "validation")
    model = keras.Sequential(
        [
            keras.Input(frames.shape[1:]),
            layers.Conv3D(32, 3, padding="same", activation="relu"),
            layers.Conv3D(32, 3, padding="same", activation="relu"),
            layers.MaxPooling3D(3, padding="same"),
            layers.Dropout(0.25),
            layers.Conv3D(64, 3, padding="same", activation="relu"),
            layers.Conv3D(64, 3, padding="same", activation="relu"),
            layers.MaxPooling3D(3, padding="same"),
            layers.Dropout(0.25),
            layers.Flatten(),
            layers.Dense(512, activation="relu"),
            layers.Dropout(0.5),
            layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile(optimizer=keras.optimizers.Adam(0.001), loss="categorical_crossentropy", metrics=["accuracy"])
    model.fit(
        frames,
        labels,
        validation_data=held_out,
        batch_size=16,
        epochs=epochs,
        shuffle=True,
        verbose=0,
        callbacks=[Lines()],
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
