"""A network with one hidden layer tells what lies inside a ring from what lies outside; plain Python, seeded."""

import argparse
import json
import math
import os
import random
from pathlib import Path


def read(folder):
    rows = [line.split(",") for path in sorted(folder.iterdir()) for line in path.read_text().splitlines()]
    return [((float(x), float(y)), float(label)) for x, y, label in rows]


def hidden_layer(point, weights):
    return [math.tanh(a * point[0] + b * point[1] + c) for a, b, c in weights["hidden"]]


def probability(point, weights):
    total = weights["bias"] + sum(v * h for v, h in zip(weights["output"], hidden_layer(point, weights), strict=True))
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, total))))


def learn(rows, weights, rate):
    for point, label in random.sample(rows, len(rows)):
        hidden = hidden_layer(point, weights)
        step = rate * (label - probability(point, weights))
        weights["bias"] += step
        for index, (unit, value) in enumerate(zip(weights["hidden"], hidden, strict=True)):
            inner = step * weights["output"][index] * (1 - value * value)
            weights["output"][index] += step * value
            weights["hidden"][index] = [unit[0] + inner * point[0], unit[1] + inner * point[1], unit[2] + inner]


def accuracy(rows, weights):
    return sum((probability(point, weights) > 0.5) == (label == 1) for point, label in rows) / len(rows)


parser = argparse.ArgumentParser()
parser.add_argument("--train", type=Path, default=os.environ.get("SM_CHANNEL_TRAIN"))
parser.add_argument("--validation", type=Path, default=os.environ.get("SM_CHANNEL_VALIDATION"))
parser.add_argument("--model-dir", type=Path, default=os.environ.get("SM_MODEL_DIR"))
parser.add_argument("--hidden", type=int, default=8)
parser.add_argument("--epochs", type=int, default=60)
parser.add_argument("--learning_rate", type=float, default=0.1)
arguments = parser.parse_args()

random.seed(1)
weights = {"hidden": [[random.gauss(0, 1) for _ in range(3)] for _ in range(arguments.hidden)], "bias": 0.0}
weights["output"] = [random.gauss(0, 1) for _ in range(arguments.hidden)]
rows = read(arguments.train)
for _ in range(arguments.epochs):
    learn(rows, weights, arguments.learning_rate)
print(f"validation_accuracy={accuracy(read(arguments.validation), weights):.4f}", flush=True)
(arguments.model_dir / "network.json").write_text(json.dumps(weights))
