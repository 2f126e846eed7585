"""`python -m server.evaluate`: challenger and champion on the same holdout, by the code that serves them.

Inputs and output are those of the evaluation job (docs/contract.md): <root>/processing/input/{challenger,champion}/
model.tar.gz and holdout/ -> <root>/processing/output/evaluation.json. Why it failed is written to
<root>/output/message, which becomes ExitMessage of the processing job (DescribeProcessingJob).
"""

from __future__ import annotations

import json
import math
import os
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Any

from server.archive import unpack
from server.errors import InvalidInferenceCode
from server.hooks import Hooks, load_hooks
from server.settings import Settings

_MAX_MESSAGE = 1000  # ExitMessage takes 1,024 characters


def main() -> int:
    settings = Settings.from_environment(os.environ)
    try:
        document = evaluate_both(settings)
    except Exception as error:
        traceback.print_exc()
        _write(settings.ml_root / "output/message", _told(error))
        return 1
    text = json.dumps(document, indent=2, sort_keys=True, allow_nan=False) + "\n"
    _write(settings.ml_root / "processing/output/evaluation.json", text)
    print(text, flush=True)
    return 0


def evaluate_both(settings: Settings) -> dict[str, Any]:
    """The document of evaluation.json. Raises what evaluating the challenger raises; the champion's is recorded."""
    inputs = settings.ml_root / "processing/input"
    hooks = load_hooks(settings.inference)
    challenger = {"metrics": _evaluate(hooks, inputs / "challenger/model.tar.gz", inputs / "holdout")}
    champion = inputs / "champion/model.tar.gz"
    return {"challenger": challenger, "champion": _champion(hooks, champion, inputs / "holdout")}


def _champion(hooks: Hooks, archive: Path, holdout: Path) -> dict[str, Any] | None:
    """None for the first model. A champion that today's code cannot run must not keep better ones from replacing it."""
    if not archive.is_file():
        return None
    try:
        return {"metrics": _evaluate(hooks, archive, holdout)}
    except Exception as error:
        traceback.print_exc()
        return {"error": _told(error)}


def _evaluate(hooks: Hooks, archive: Path, holdout: Path) -> dict[str, float]:
    if hooks.evaluate is None:
        raise InvalidInferenceCode("inference.py has no evaluate(model, holdout_dir)")
    with tempfile.TemporaryDirectory() as folder:
        unpack(archive, Path(folder))
        metrics = hooks.evaluate(hooks.load_model(Path(folder)), str(holdout))
    return {name: _finite(name, value) for name, value in metrics.items()}


def _finite(name: str, value: Any) -> float:
    number = value.item() if hasattr(value, "item") else value
    if isinstance(number, bool) or not isinstance(number, int | float) or not math.isfinite(number):
        raise ValueError(f"evaluate: the metric {name!r} is {number!r}, not a finite number")
    return number


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:_MAX_MESSAGE]


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
