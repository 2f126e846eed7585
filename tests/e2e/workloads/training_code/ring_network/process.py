"""Rows `x,y,label` of the files of this instance's share -> scaled rows, of which every fourth is for validation."""

import argparse
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("--input-points", type=Path, required=True)
parser.add_argument("--output-train", type=Path, required=True)
parser.add_argument("--output-validation", type=Path, required=True)
parser.add_argument("--scale", type=float, required=True)
arguments = parser.parse_args()

for path in sorted(arguments.input_points.iterdir()):
    rows = [line.split(",") for line in path.read_text().splitlines()]
    scaled = [f"{float(x) * arguments.scale:.6f},{float(y) * arguments.scale:.6f},{label}\n" for x, y, label in rows]
    (arguments.output_validation / path.name).write_text("".join(scaled[::4]))
    (arguments.output_train / path.name).write_text("".join(row for index, row in enumerate(scaled) if index % 4))
