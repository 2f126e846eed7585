"""Learn the mean of each label from rows `number,label`; write them as JSON."""

import argparse
import csv
import json
import os
from collections import defaultdict
from pathlib import Path
from statistics import fmean


def read(path):
    with path.open(newline="") as file:
        for line, (number, label) in enumerate(csv.reader(file), start=1):
            try:
                yield float(number), label
            except ValueError:
                raise ValueError(f"{path.name} line {line}: {number!r} is not a number") from None


parser = argparse.ArgumentParser()
parser.add_argument("--train", type=Path, default=os.environ.get("SM_CHANNEL_TRAIN"))
parser.add_argument("--model-dir", type=Path, default=os.environ.get("SM_MODEL_DIR"))
parser.add_argument("--shift", type=float, default=0.0, help="added to every mean: a way to make a bad model")
arguments, _ = parser.parse_known_args()

rows = list(read(arguments.train / "train.csv"))
numbers = defaultdict(list)
for number, label in rows:
    numbers[label].append(number)
means = {label: fmean(values) + arguments.shift for label, values in numbers.items()}
right = sum(min(means, key=lambda label: abs(means[label] - number)) == true for number, true in rows)
print(f"train_accuracy={right / len(rows)}", flush=True)
(arguments.model_dir / "means.json").write_text(json.dumps(means))
