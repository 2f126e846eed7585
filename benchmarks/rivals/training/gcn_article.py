"""The article's graph network: messages between nodes, gathered by degree, each epoch. `gcn_article.py FOLDER EPOCHS`.

DGL has no wheels for the PyTorch of today. What its message passing did with functions of the user's (one call for each
number of neighbours, on the messages of all nodes that have so many) is written out here.
"""

import csv
import sys
from collections import defaultdict
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn


class Graph:
    def __init__(self, edges: list[tuple[int, int]]) -> None:
        sources = defaultdict(list)
        for source, target in edges:
            sources[target].append(source)
            sources[source].append(target)
        self.nodes = len(sources)
        self.buckets = defaultdict(list)
        for node, others in sources.items():
            self.buckets[len(others)].append((node, others))

    def gathered(self, values: torch.Tensor) -> torch.Tensor:
        found = torch.zeros_like(values)
        for members in self.buckets.values():
            nodes = torch.tensor([node for node, _ in members])
            mailbox = values[torch.tensor([others for _, others in members])]
            found = found.index_put((nodes,), mailbox.sum(dim=1))
        return found


class Network(nn.Module):
    def __init__(self, nodes: int) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(nodes, 5), nn.Linear(5, 2)

    def forward(self, graph: Graph, values: torch.Tensor) -> torch.Tensor:
        return self.second(graph.gathered(torch.relu(self.first(graph.gathered(values)))))


def main(folder: Path, epochs: int) -> None:
    torch.manual_seed(1)
    rows = list(csv.reader((folder / "edges.csv").open(newline="")))[1:]
    graph = Graph([(int(source), int(target)) for source, target in rows])
    network, inputs = Network(graph.nodes), torch.eye(graph.nodes)
    nodes, truth = torch.tensor([0, 33]), torch.tensor([0, 1])
    optimizer = torch.optim.Adam(network.parameters(), lr=0.1)
    every = []
    for epoch in range(epochs):
        logits = network(graph, inputs)
        every.append(logits.detach())
        loss = F.nll_loss(F.log_softmax(logits, 1)[nodes], truth)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        print(f"epoch={epoch + 1} train_loss={loss.item():.6f}", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
