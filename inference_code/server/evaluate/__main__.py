"""Challenger and champion on the same holdout, by the code that serves them.

Inputs and output are those of the evaluation job (docs/contract.md): <root>/processing/input/{challenger,champion}/
model.tar.gz and holdout/ -> <root>/processing/output/evaluation.json. Why it failed is written to
<root>/output/message, which becomes ExitMessage of the processing job (DescribeProcessingJob).
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import traceback
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from server.errors import InvalidInferenceCode
from server.evaluate import baseline, latency, measurements
from server.evaluate.archive import unpack
from server.model.fingerprint import fingerprint
from server.model.hooks import Hooks, load_hooks
from server.model.predictor import Predictor
from server.settings import Settings

_MAX_MESSAGE = 1000  # ExitMessage takes 1,024 characters


@dataclass(frozen=True)
class _Evaluated:
    """A model that was measured, and stays loaded for its latency to be measured beside the other's."""

    document: dict[str, Any]
    predictor: Predictor
    model: Any


def main() -> int:
    settings = Settings.from_environment(os.environ)
    try:
        document = evaluate_both(settings)
    except Exception as error:
        traceback.print_exc()
        _write(settings.ml_root / "output/message", _told(error))
        return 1
    text = json.dumps(document, indent=2, sort_keys=True) + "\n"
    _write(settings.ml_root / "processing/output/evaluation.json", text)
    print(text, flush=True)
    return 0


def evaluate_both(settings: Settings) -> dict[str, Any]:
    """The document of evaluation.json. Raises what evaluating the challenger raises; the champion's is recorded."""
    inputs = settings.ml_root / "processing/input"
    holdout = inputs / "holdout"
    hooks = load_hooks(settings.inference)
    body = latency.single_row(settings.inference)
    with tempfile.TemporaryDirectory() as work:
        challenger = _evaluate(hooks, inputs / "challenger/model.tar.gz", holdout, Path(work) / "challenger", body)
        champion = _champion(hooks, inputs / "champion/model.tar.gz", holdout, Path(work) / "champion", body)
        models = {"challenger": challenger}
        if isinstance(champion, _Evaluated):
            models["champion"] = champion
        _record_baseline(hooks, challenger, holdout, settings.ml_root / "processing/output/baseline.jsonl")
        measured = latency.measure({name: one.predictor for name, one in models.items()}, body) if body else {}
    documents = {name: {**one.document, "latency_ms": measured.get(name)} for name, one in models.items()}
    return {"champion": champion, **documents, "holdout": asdict(fingerprint(holdout))}


def _record_baseline(hooks: Hooks, challenger: _Evaluated, holdout: Path, path: Path) -> None:
    """Only where inference.py can say how the holdout's rows would be asked about."""
    if hooks.holdout_instances is not None:
        instances = hooks.holdout_instances(challenger.model, str(holdout))
        _write(path, "".join(f"{line}\n" for line in baseline.lines(challenger.predictor, instances)))


def _champion(
    hooks: Hooks, archive: Path, holdout: Path, folder: Path, body: bytes | None
) -> _Evaluated | dict[str, Any] | None:
    """None for the first model. A champion that today's code cannot run must not keep better ones from replacing it."""
    if not archive.is_file():
        return None
    try:
        return _evaluate(hooks, archive, holdout, folder, body)
    except Exception as error:
        traceback.print_exc()
        return {"error": _told(error)}


def _evaluate(hooks: Hooks, archive: Path, holdout: Path, folder: Path, body: bytes | None) -> _Evaluated:
    """Unpacks the model to `folder`, measures it, and sends it `body` once, which it has to answer."""
    if hooks.evaluate is None:
        raise InvalidInferenceCode("inference.py has no evaluate(model, holdout_dir)")
    unpack(archive, folder)
    artifact = fingerprint(folder)
    model = hooks.load_model(folder)
    metrics, slices = measurements.parse(hooks.evaluate(model, str(holdout)))
    predictor = Predictor(hooks, model)
    if body:
        latency.ask(predictor, body)
    return _Evaluated({"metrics": metrics, "slices": slices, "artifact": asdict(artifact)}, predictor, model)


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:_MAX_MESSAGE]


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
