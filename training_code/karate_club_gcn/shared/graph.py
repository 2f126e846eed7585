"""A graph and the labels of its nodes, from CSV files, read strictly."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

MAX_NODES = 10_000
"""The adjacency is a dense matrix: 400 MB at this size."""


class InvalidGraph(ValueError):
    """The file is not what was expected. The message starts with the file's name."""


def read_edges(path: Path) -> list[tuple[int, int]]:
    """`source,target`, one edge a line, nodes numbered from 0. Raises InvalidGraph, OSError."""
    edges = [(_node(source, place), _node(target, place)) for place, (source, target) in _rows(path, "source,target")]
    if not edges:
        raise InvalidGraph(f"{path.name}: no edges below the header")
    return edges


def read_labels(path: Path, *, nodes: int) -> dict[int, str]:
    """`node,label`: the labels of some of the `nodes` nodes. Raises InvalidGraph, OSError."""
    labels: dict[int, str] = {}
    for place, (text, label) in _rows(path, "node,label"):
        node = _node(text, place)
        if node >= nodes:
            raise InvalidGraph(f"{place}: node {node} has no edge; nodes are 0 to {nodes - 1}")
        if node in labels:
            raise InvalidGraph(f"{place}: node {node} is labelled twice")
        labels[node] = label
    if not labels:
        raise InvalidGraph(f"{path.name}: no labels below the header")
    return labels


def number_of_nodes(edges: Iterable[tuple[int, int]]) -> int:
    return max(max(edge) for edge in edges) + 1


def propagation(edges: Iterable[tuple[int, int]], nodes: int) -> np.ndarray:
    """What a convolution mixes a node with: D^-1/2 (A + I) D^-1/2, float32, nodes x nodes (Kipf and Welling, 2017)."""
    adjacency = np.eye(nodes, dtype=np.float32)
    for source, target in edges:
        adjacency[source, target] = adjacency[target, source] = 1
    scale = adjacency.sum(axis=1) ** -0.5
    return scale[:, None] * adjacency * scale


def _rows(path: Path, header: str) -> Iterator[tuple[str, list[str]]]:
    """For each row its place, for messages, and its two cells."""
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.reader(file, strict=True)
        try:
            if (found := ",".join(next(reader, []))) != header:
                raise InvalidGraph(f"{path.name}: the header is {found[:80]!r}, expected {header!r}")
            for row in reader:
                place = f"{path.name} line {reader.line_num}"
                if len(row) != 2:
                    raise InvalidGraph(f"{place}: {len(row)} values, expected {header}")
                yield place, row
        except (csv.Error, UnicodeDecodeError) as error:
            raise InvalidGraph(f"{path.name} line {reader.line_num}: {error}") from error


def _node(text: str, place: str) -> int:
    if not (text.isascii() and text.isdigit()) or int(text) >= MAX_NODES:
        raise InvalidGraph(f"{place}: expected a node's number from 0 to {MAX_NODES - 1}, got {text[:40]!r}")
    return int(text)
