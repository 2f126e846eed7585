"""A workload's inference.py -> its functions."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from server import formats
from server.artifacts import check_folder
from server.errors import InvalidInferenceCode

_MODULE = "inference"
_FUNCTIONS = ("predict_fn", "model_fn", "input_fn", "output_fn", "evaluate", "holdout_instances")
_MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]*/[a-z0-9][a-z0-9!#$&^_.+-]*")


@dataclass(frozen=True)
class Hooks:
    """`None` where inference.py leaves a function out and the server's default applies.

    Attributes:
    content_types: the media types of bodies that are taken.
    accept_types: those that can be answered with, the preferred one first.
    strict: whether a body is checked before input_fn gets it: where inference.py does not say what input_fn takes.
    batched: whether predict_fn answers several inputs at once, each as it would alone.
    """

    predict_fn: Callable[[Any, Any], Any] | None = None
    model_fn: Callable[[str], Any] | None = None
    input_fn: Callable[[bytes, str], Any] | None = None
    output_fn: Callable[[Any, str], bytes | str] | None = None
    evaluate: Callable[[Any, str], dict[str, Any]] | None = None
    holdout_instances: Callable[[Any, str], Iterable[Any]] | None = None
    content_types: tuple[str, ...] = formats.MEDIA_TYPES
    accept_types: tuple[str, ...] = formats.MEDIA_TYPES
    strict: bool = False
    batched: bool = False

    def load_model(self, folder: Path) -> Any:
        """The model; without a `model_fn` it is the folder itself. Raises RefusedArtifact, what model_fn raises, and
        InvalidInferenceCode where there is no predict_fn for it.
        """
        check_folder(folder)
        model = self.model_fn(str(folder)) if self.model_fn else folder
        if self.predict_fn is None:
            from server.model import torch_module  # of no use to the others, and their start is waited for

            torch_module.prepare(model)
        return model


def load_hooks(folder: Path) -> Hooks:
    """Imports inference.py. Raises InvalidInferenceCode, and whatever the module raises."""
    if not (folder / f"{_MODULE}.py").is_file():
        raise InvalidInferenceCode(f"{folder / _MODULE}.py does not exist")
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    module = importlib.import_module(_MODULE)
    found = {name: getattr(module, name) for name in _FUNCTIONS if hasattr(module, name)}
    for name, value in found.items():
        if not callable(value):
            raise InvalidInferenceCode(f"inference.py: {name} is not a function but {value!r:.80}")
    if not found.keys() & {"predict_fn", "model_fn"}:
        raise InvalidInferenceCode("inference.py has no predict_fn(data, model)")
    return Hooks(
        **found,
        content_types=_media_types(module, "CONTENT_TYPES", hook="input_fn"),
        accept_types=_media_types(module, "ACCEPT_TYPES", hook="output_fn"),
        strict="input_fn" in found and not hasattr(module, "CONTENT_TYPES"),
        batched=_flag(module, "BATCHED", default="predict_fn" not in found),
    )


def _flag(module: ModuleType, name: str, *, default: bool) -> bool:
    value = getattr(module, name, default)
    if not isinstance(value, bool):
        raise InvalidInferenceCode(f"inference.py: {name} is {value!r:.80}; expected True or False")
    return value


def _media_types(module: ModuleType, name: str, *, hook: str) -> tuple[str, ...]:
    """What the module declares; else JSON where it has the hook, and the server's formats where it has not."""
    own = hasattr(module, hook)
    declared = getattr(module, name, (formats.JSON,) if own else formats.MEDIA_TYPES)
    if isinstance(declared, str) or not declared:
        raise InvalidInferenceCode(f"inference.py: {name} is {declared!r:.80}; expected a list of media types")
    for media_type in declared:
        if not isinstance(media_type, str) or not _MEDIA_TYPE.fullmatch(media_type):
            raise InvalidInferenceCode(f"inference.py: {name}: {media_type!r:.80} is not a media type in lower case")
        if not own and media_type not in formats.MEDIA_TYPES:
            raise InvalidInferenceCode(f"inference.py: {name}: {media_type!r} needs an {hook}")
    return tuple(declared)
