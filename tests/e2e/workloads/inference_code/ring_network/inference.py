"""Whether points lie inside the ring that the network has learned."""

import json
import math
from pathlib import Path


def model_fn(model_dir):
    return json.loads((Path(model_dir) / "network.json").read_text())


def predict_fn(data, model):
    return [_inside(point, model) for point in data]


def evaluate(model, holdout_dir):
    paths = sorted(Path(holdout_dir).iterdir())
    rows = [line.split(",") for path in paths for line in path.read_text().splitlines()]
    answers = predict_fn([(float(x), float(y)) for x, y, _ in rows], model)
    right = sum(answer == (label == "1") for answer, (_, _, label) in zip(answers, rows, strict=True))
    return {"accuracy": right / len(rows), "examples": len(rows), "hidden": len(model["output"])}


def _inside(point, model):
    hidden = [math.tanh(a * point[0] + b * point[1] + c) for a, b, c in model["hidden"]]
    return model["bias"] + sum(v * h for v, h in zip(model["output"], hidden, strict=True)) > 0
