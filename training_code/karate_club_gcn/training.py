"""One training run: all nodes are seen, the labels of only some of them."""

from __future__ import annotations

import json
from argparse import Namespace
from pathlib import Path

import torch
from network import Network
from safetensors.torch import save_file
from shared import graph
from torch.nn import functional


def run(options: Namespace) -> None:
    """Trains as `options` (train.parse) say and writes the model. Raises graph.InvalidGraph, FileNotFoundError."""
    torch.manual_seed(options.seed)
    edges = graph.read_edges(options.train / "edges.csv")
    nodes = graph.number_of_nodes(edges)
    known = graph.read_labels(options.train / "known.csv", nodes=nodes)
    classes = sorted(set(known.values()))
    network = Network(nodes, options.hidden, len(classes))
    propagation = torch.from_numpy(graph.propagation(edges, nodes))
    _fit(network, propagation, {node: classes.index(label) for node, label in known.items()}, options)
    _write(network, options.model_dir, {"classes": classes, "nodes": nodes, "edges": edges})


def _fit(network: Network, propagation: torch.Tensor, known: dict[int, int], options: Namespace) -> None:
    nodes, truth = torch.tensor(list(known)), torch.tensor(list(known.values()))
    optimizer = torch.optim.Adam(network.parameters(), lr=options.learning_rate)
    for epoch in range(1, options.epochs + 1):
        logits = network(propagation)[nodes]
        loss = functional.cross_entropy(logits, truth)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        right = (logits.argmax(dim=1) == truth).float().mean()
        print(f"epoch={epoch} train_loss={loss:.6f} train_accuracy={right:.4f}", flush=True)


def _write(network: Network, folder: Path, description: dict[str, object]) -> None:
    """`model.safetensors`, and the graph with the names of the classes as `graph.json`."""
    save_file(network.state_dict(), folder / "model.safetensors")
    (folder / "graph.json").write_text(json.dumps(description) + "\n", encoding="utf-8")
