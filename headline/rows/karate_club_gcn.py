"""Zachary's karate club: its edges out of the data folder, the sides of its members out of the publication."""

from __future__ import annotations

import shutil
from pathlib import Path

from headline.row import Figure, Row, at_least

MEMBERS, KNOWN = 34, (0, 33)
WITH_MR_HI = {0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 16, 17, 19, 21}
"""Who stayed with the instructor after the split (Zachary 1977, as networkx has it)."""


def prepare(data: Path, folder: Path) -> None:
    shutil.copy(data / "edges.csv", folder)
    sides = {node: "Mr. Hi" if node in WITH_MR_HI else "Officer" for node in range(MEMBERS)}
    for name, nodes in (("known", KNOWN), ("labels", sides)):
        lines = ["node,label", *(f"{node},{sides[node]}" for node in nodes)]
        (folder / f"{name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


ROW = Row(
    number=5,
    workload="karate_club_gcn",
    source="karate_club",
    prepare=prepare,
    figures=(
        Figure(
            metric="nodes as in the published split, of 34",
            original="not reported",
            required=at_least(32),
            measured="nodes_right",
        ),
    ),
)
