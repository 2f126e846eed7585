"""Two graph convolutions (Kipf and Welling, 2017). A node's own feature is which node it is, so that the first weights
are one row a node.
"""

from __future__ import annotations

import torch
from torch import nn


class GraphConvolution(nn.Module):
    """Mixes each node's values with those of its neighbours, and transforms them."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(nn.init.xavier_uniform_(torch.empty(inputs, outputs)))
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, propagation: torch.Tensor, values: torch.Tensor | None = None) -> torch.Tensor:
        """`values`: nodes x inputs; None stands for the identity matrix."""
        transformed = self.weight if values is None else values @ self.weight
        return propagation @ transformed + self.bias


class Network(nn.Module):
    def __init__(self, nodes: int, hidden: int, classes: int) -> None:
        super().__init__()
        self.first = GraphConvolution(nodes, hidden)
        self.second = GraphConvolution(hidden, classes)

    def forward(self, propagation: torch.Tensor) -> torch.Tensor:
        """Logits, nodes x classes."""
        return self.second(propagation, torch.relu(self.first(propagation)))
