"""A workload's inference.py -> its functions."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from server.errors import InvalidInferenceCode

_MODULE = "inference"


@dataclass(frozen=True)
class Hooks:
    """`None` where inference.py leaves a function out and the server's default applies."""

    predict_fn: Callable[[Any, Any], Any]
    model_fn: Callable[[str], Any] | None = None
    input_fn: Callable[[bytes, str], Any] | None = None
    output_fn: Callable[[Any, str], bytes | str] | None = None
    evaluate: Callable[[Any, str], dict[str, float]] | None = None

    def load_model(self, folder: Path) -> Any:
        """The model; without a `model_fn` it is the folder itself."""
        return self.model_fn(str(folder)) if self.model_fn else folder


def load_hooks(folder: Path) -> Hooks:
    """Imports inference.py. Raises InvalidInferenceCode, and whatever the module raises."""
    if not (folder / f"{_MODULE}.py").is_file():
        raise InvalidInferenceCode(f"{folder / _MODULE}.py does not exist")
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    module = importlib.import_module(_MODULE)
    found = {name: getattr(module, name) for name in Hooks.__dataclass_fields__ if hasattr(module, name)}
    for name, value in found.items():
        if not callable(value):
            raise InvalidInferenceCode(f"inference.py: {name} is not a function but {value!r:.80}")
    if "predict_fn" not in found:
        raise InvalidInferenceCode("inference.py has no predict_fn(data, model)")
    return Hooks(**found)
