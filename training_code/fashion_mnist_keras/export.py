"""Makes other files of model.keras, for where Keras does not run: `export.py MODEL_FOLDER --format onnx OUTPUT`.

onnx: one file; inputs and outputs are those of the model (`images`, float32, N x 28 x 28, 0 to 255).
keras: model.keras as it is, after it could be loaded in safe mode.
savedmodel: a folder for TensorFlow and TensorFlow Serving. Only TensorFlow writes it; where Keras runs on another
engine, an environment of requirements-savedmodel.txt (half a gigabyte) is made for this one export, and removed after
it.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import venv
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras

_REQUIREMENTS = Path(__file__).with_name("requirements-savedmodel.txt")


def write(folder: Path, output: Path, *, kind: str) -> None:
    """Writes `<folder>/model.keras` as `kind` (one of FORMATS) to `output`. Raises saving.ExportMismatch."""
    import keras
    import numpy as np

    model = keras.saving.load_model(folder / "model.keras", compile=False, safe_mode=True)
    model(np.zeros((1, *model.input_shape[1:]), dtype=np.float32), training=False)  # Keras exports no model unused
    output.parent.mkdir(parents=True, exist_ok=True)
    FORMATS[kind](model, folder, output)


def _keras(model: keras.Model, folder: Path, output: Path) -> None:
    shutil.copyfile(folder / "model.keras", output)


def _onnx(model: keras.Model, folder: Path, output: Path) -> None:
    from saving import write_onnx

    write_onnx(model, output)


def _by_tensorflow(folder: Path, output: Path) -> None:
    """The same export by this script in an environment that has TensorFlow. Raises CalledProcessError."""
    with tempfile.TemporaryDirectory() as place:
        venv.create(place, with_pip=True)
        python = str(Path(place) / "bin" / "python")
        install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", str(_REQUIREMENTS)]
        subprocess.run(install, check=True)  # noqa: S603 - our own words
        again = [python, __file__, str(folder), str(output), "--format", "savedmodel"]
        subprocess.run(again, check=True, env=os.environ | {"KERAS_BACKEND": "tensorflow"})  # noqa: S603 - as above


def _savedmodel(model: keras.Model, folder: Path, output: Path) -> None:
    model.export(output, format="tf_saved_model", verbose=False)


FORMATS: dict[str, Callable[[keras.Model, Path, Path], None]] = {
    "keras": _keras,
    "onnx": _onnx,
    "savedmodel": _savedmodel,
}


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("model_folder", type=Path, help="holds model.keras")
    parser.add_argument("output", type=Path)
    parser.add_argument("--format", choices=FORMATS, required=True)
    options = parser.parse_args(arguments)
    engine = os.environ.setdefault("KERAS_BACKEND", "torch")
    if options.format == "savedmodel" and engine != "tensorflow":
        _by_tensorflow(options.model_folder.resolve(), options.output.resolve())
    else:
        write(options.model_folder, options.output, kind=options.format)


if __name__ == "__main__":
    main(sys.argv[1:])
