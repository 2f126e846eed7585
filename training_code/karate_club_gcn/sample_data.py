# /// script
# requires-python = ">=3.11"
# dependencies = ["networkx==3.6.1"]
# ///
"""Writes Zachary's karate club, as networkx ships it: `sample_data.py FOLDER`.

W. W. Zachary, "An Information Flow Model for Conflict and Fission in Small Groups", Journal of Anthropological Research
33 (1977): 34 members, who met whom outside the club, and which side each took when it split. Two sides are known to the
training: those of the instructor (node 0) and of the administrator (node 33).
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

import networkx

KNOWN = (0, 33)


def write(folder: Path) -> None:
    club = networkx.karate_club_graph()
    sides = [(node, club.nodes[node]["club"]) for node in sorted(club)]
    folder.mkdir(parents=True, exist_ok=True)
    _write_rows(folder / "edges.csv", "source,target", sorted(club.edges()))
    _write_rows(folder / "known.csv", "node,label", [(node, side) for node, side in sides if node in KNOWN])
    _write_rows(folder / "labels.csv", "node,label", sides)


def _write_rows(path: Path, header: str, rows: Iterable[tuple[object, object]]) -> None:
    lines = [header, *(f"{first},{second}" for first, second in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(f"usage: {sys.argv[0]} FOLDER")
    write(Path(sys.argv[1]))
