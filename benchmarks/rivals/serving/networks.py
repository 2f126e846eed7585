"""The two networks that every model server of the benchmark serves. Every server's program imports this file."""

from __future__ import annotations

import json
import os
from pathlib import Path

import torch
from torch import nn

torch.set_num_threads(1)


class Scaled(nn.Module):
    """Rows of 784 grey levels (0 to 255) -> the probabilities of ten classes."""

    def __init__(self, network: nn.Module, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.network, self.shape = network, shape

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        return self.network((rows / 255).reshape(-1, *self.shape)).softmax(dim=1)


def mlp() -> nn.Module:
    """784-128-10."""
    return Scaled(nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10)), (784,))


def cnn() -> nn.Module:
    """The network of SageMaker's own MNIST sample: two 5x5 convolutions, of 10 and 20 channels, and a dense head."""
    convolutions = [nn.Conv2d(1, 10, 5), nn.MaxPool2d(2), nn.ReLU(), nn.Conv2d(10, 20, 5), nn.MaxPool2d(2), nn.ReLU()]
    head = [nn.Flatten(), nn.Linear(320, 50), nn.ReLU(), nn.Linear(50, 10)]
    return Scaled(nn.Sequential(*convolutions, *head), (1, 28, 28))


NETWORKS = {"mlp": mlp, "cnn": cnn}


def named(config: Path) -> nn.Module:
    """The network that a model's config.json names, without its weights."""
    return NETWORKS[json.loads(config.read_text())["network"]]()


def load() -> nn.Module:
    """The network in the folder that MODEL_DIR names."""
    folder = Path(os.environ["MODEL_DIR"])
    network = named(folder / "model" / "config.json")
    network.load_state_dict(torch.load(folder / "weights.pth", weights_only=True))
    return network.eval()


@torch.inference_mode()
def answer(network: nn.Module, rows: list[list[float]]) -> list[list[float]]:
    """Probabilities of each row."""
    return network(torch.tensor(rows, dtype=torch.float32)).tolist()
