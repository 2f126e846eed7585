"""Training by hand: the same code as in the container, on folders that the command line names.

python train.py --train DIR [--test DIR] --model-dir DIR [--shrinkage 0.0] [--label_column NAME] [--ignored_columns A,B]
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from classifier import Model, Settings, accuracy, fit
from table import Table, read


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Learns classes from CSV files with a header line.")
    parser.add_argument("--train", type=Path, required=True, help="file, or folder with train.csv")
    parser.add_argument("--test", type=Path, help="file, or folder with test.csv")
    parser.add_argument("--model-dir", type=Path, required=True)
    parser.add_argument("--label_column", default=Settings.label_column)
    parser.add_argument("--ignored_columns", default=",".join(Settings.ignored))
    parser.add_argument("--shrinkage", default=str(Settings.shrinkage))
    return parser.parse_known_args(arguments)[0]


def main(options: argparse.Namespace) -> Model:
    given = {name: getattr(options, name) for name in ("label_column", "ignored_columns", "shrinkage")}
    settings = Settings.from_strings(given)
    model = fit(_table(options.train, "train.csv", settings), settings)
    if options.test:
        print(f"test_accuracy={accuracy(model, _table(options.test, 'test.csv', settings)):.4f}")
    options.model_dir.mkdir(parents=True, exist_ok=True)
    model.save(options.model_dir)
    return model


def _table(path: Path, name: str, settings: Settings) -> Table:
    file = path / name if path.is_dir() else path
    with file.open(encoding="utf-8-sig", newline="") as text:
        return read([(file.name, text)], label=settings.label_column, ignored=settings.ignored)


if __name__ == "__main__":
    main(parse())
