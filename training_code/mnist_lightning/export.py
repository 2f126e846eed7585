"""Makes a file for where this project does not run, of a trained model's folder:

python export.py MODEL_FOLDER OUTPUT --format onnx
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn


def load(folder: Path) -> nn.Module:
    """The network of model.safetensors and config.json, ready to predict. Raises ValueError, OSError."""
    from networks import NETWORKS
    from safetensors.torch import load_file

    description = json.loads((folder / "config.json").read_text("utf-8"))
    if description.get("network") not in NETWORKS:
        raise ValueError(f"config.json: network is {description.get('network')!r}; known are {', '.join(NETWORKS)}")
    network = NETWORKS[description["network"]](float(description["dropout"]))
    network.load_state_dict(load_file(folder / "model.safetensors"))
    return network.eval()


def _onnx(folder: Path, output: Path) -> None:
    """Written, and compared with PyTorch, by the training."""
    shutil.copyfile(folder / "model.onnx", output)


def _torch(folder: Path, output: Path) -> None:
    """torch.export's program (`.pt2`), for torch.export.load and what compiles it: weights, graph, free batch size."""
    import torch
    from artifact import IMAGE_SHAPE

    example = torch.zeros(2, *IMAGE_SHAPE)
    program = torch.export.export(load(folder), (example,), dynamic_shapes=({0: torch.export.Dim("batch")},))
    torch.export.save(program, output)


FORMATS: dict[str, Callable[[Path, Path], None]] = {"onnx": _onnx, "torch": _torch}


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("model_folder", type=Path, help="holds what train.py wrote to its model folder")
    parser.add_argument("output", type=Path)
    parser.add_argument("--format", choices=FORMATS, required=True)
    options = parser.parse_args(arguments)
    FORMATS[options.format](options.model_folder, options.output)


if __name__ == "__main__":
    main(sys.argv[1:])
