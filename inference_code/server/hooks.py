"""The four functions of a workload's `inference.py`, with the defaults for those it leaves out.

model_fn(model_dir) -> model                 default: the folder itself
input_fn(body, content_type) -> data         default: the list under "instances" of a JSON object
predict_fn(data, model) -> prediction        no default
output_fn(prediction, accept) -> str|bytes   default: {"predictions": prediction} as JSON (numpy values too)

The names and signatures are those of SageMaker's inference toolkits, so that existing scripts work.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from server import strict_json
from server.errors import InferenceCodeError, RequestError

JSON = "application/json"


@dataclass(frozen=True)
class Hooks:
    """What `inference.py` defines; `evaluate` is None when it has none."""

    model_fn: Callable[[str], Any]
    input_fn: Callable[[bytes, str], Any]
    predict_fn: Callable[[Any, Any], Any]
    output_fn: Callable[[Any, str], str | bytes]
    evaluate: Callable[[Any, str], dict[str, float]] | None


def load(inference_dir: Path) -> Hooks:
    """Import `inference.py` (its folder comes first on the import path). Raises InferenceCodeError."""
    path = inference_dir / "inference.py"
    if not path.is_file():
        raise InferenceCodeError(f"there is no {path}")
    sys.path.insert(0, str(inference_dir))
    spec = importlib.util.spec_from_file_location("inference", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["inference"] = module
    spec.loader.exec_module(module)
    if not callable(getattr(module, "predict_fn", None)):
        raise InferenceCodeError(f"{path} defines no function predict_fn(data, model)")
    return Hooks(
        model_fn=getattr(module, "model_fn", lambda model_dir: model_dir),
        input_fn=getattr(module, "input_fn", instances),
        predict_fn=module.predict_fn,
        output_fn=getattr(module, "output_fn", predictions),
        evaluate=getattr(module, "evaluate", None),
    )


def instances(body: bytes, content_type: str) -> list[Any]:
    """The default `input_fn`."""
    document = strict_json.parse(body)
    if not isinstance(document, dict) or not isinstance(document.get("instances"), list):
        raise RequestError(400, 'expected a JSON object with a list under "instances"', "instances")
    return document["instances"]


def predictions(prediction: Any, accept: str) -> bytes:
    """The default `output_fn`."""
    return orjson.dumps({"predictions": prediction}, option=orjson.OPT_SERIALIZE_NUMPY)
