"""Row 5 on the deployed stack."""

from __future__ import annotations


def test_two_known_members_tell_the_sides_of_the_others(row):
    club = row("karate_club_gcn")
    outcome = club.train()
    assert outcome["metrics"]["nodes_right"] >= 32
    lines = (club.data / "labels.csv").read_text().splitlines()[1:]
    sides = dict(line.split(",") for line in lines)
    answer = club.predict("\n".join(sides).encode(), "text/csv")
    assert answer["model_version"] == outcome["model_version"]
    assert [prediction["node"] for prediction in answer["predictions"]] == list(map(int, sides))
    right = sum(p["label"] == side for p, side in zip(answer["predictions"], sides.values(), strict=True))
    assert right == outcome["metrics"]["nodes_right"]
    assert all(0.5 <= prediction["probability"] <= 1 for prediction in answer["predictions"])
