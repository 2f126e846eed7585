"""The networks, by name. Each takes grey images (N x 28 x 28, values 0 to 255) and returns logits (N x 10).

Scaling is part of the network, so that whoever runs the exported model needs to know nothing about it.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

CLASSES = 10
MEAN, DEVIATION = 0.1307, 0.3081  # of MNIST's pixels, 0 to 1


class Scale(nn.Module):
    """Bytes to floats around 0 with one channel (MNIST's mean and standard deviation)."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("offset", torch.tensor(-MEAN / DEVIATION), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        # Conversion, division and subtraction in one pass over the pixels.
        return torch.add(self.offset, images, alpha=1 / (255 * DEVIATION)).unsqueeze(1)


class GlobalAverage(nn.Module):
    """The mean over the image. Unlike AdaptiveAvgPool2d it has a deterministic gradient on GPUs."""

    def forward(self, features: Tensor) -> Tensor:
        return features.mean(dim=(2, 3))


class Residual(nn.Module):
    """Two convolutions beside a shortcut (He et al. 2015, figure 2)."""

    def __init__(self, channels_in: int, channels: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *_convolution(channels_in, channels, stride=stride),
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
        )
        same = channels_in == channels and stride == 1
        self.shortcut = nn.Identity() if same else nn.Conv2d(channels_in, channels, 1, stride=stride, bias=False)

    def forward(self, features: Tensor) -> Tensor:
        return torch.relu(self.body(features) + self.shortcut(features))


def _convolution(channels_in: int, channels: int, *, stride: int = 1) -> list[nn.Module]:
    convolution = nn.Conv2d(channels_in, channels, 3, stride=stride, padding=1, bias=False)
    return [convolution, nn.BatchNorm2d(channels), nn.ReLU()]


def mlp(dropout: float) -> nn.Module:
    """One hidden layer: the fastest, and 97 to 98 % on MNIST."""
    head = [nn.Linear(28 * 28, 128), nn.ReLU(), nn.Dropout(dropout), nn.Linear(128, CLASSES)]
    return nn.Sequential(Scale(), nn.Flatten(), *head)


def cnn(dropout: float) -> nn.Module:
    """Two convolutions and a dense head."""
    return nn.Sequential(
        Scale(),
        *_convolution(1, 32),
        nn.MaxPool2d(2),
        *_convolution(32, 64),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Dropout(dropout),
        nn.Linear(64 * 7 * 7, 128),
        nn.ReLU(),
        nn.Dropout(dropout),
        nn.Linear(128, CLASSES),
    )


def vgg(dropout: float) -> nn.Module:
    """Pairs of convolutions between poolings, after Simonyan and Zisserman 2014."""
    layers: list[nn.Module] = [Scale()]
    channels_in = 1
    for channels in (32, 64, 128):
        layers += [*_convolution(channels_in, channels), *_convolution(channels, channels), nn.MaxPool2d(2)]
        channels_in = channels
    head = [nn.Flatten(), nn.Dropout(dropout), nn.Linear(128 * 3 * 3, 256), nn.ReLU(), nn.Dropout(dropout)]
    return nn.Sequential(*layers, *head, nn.Linear(256, CLASSES))


def resnet(dropout: float) -> nn.Module:
    """Three stages of residual blocks."""
    return nn.Sequential(
        Scale(),
        *_convolution(1, 32),
        Residual(32, 32, stride=1),
        Residual(32, 64, stride=2),
        Residual(64, 128, stride=2),
        GlobalAverage(),
        nn.Dropout(dropout),
        nn.Linear(128, CLASSES),
    )


NETWORKS: dict[str, Callable[[float], nn.Module]] = {"mlp": mlp, "cnn": cnn, "vgg": vgg, "resnet": resnet}
