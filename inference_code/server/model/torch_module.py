"""The predict_fn of a workload that has none, where its model_fn returns a torch.nn.Module.

torch is taken from those modules that are imported: it is the workload's, and without it there is no such model.
"""

from __future__ import annotations

import logging
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from server.errors import InvalidInferenceCode, InvalidInput
from server.formats import numbers

if TYPE_CHECKING:
    from server.model.cuda_graphs import PaddedBatches

log = logging.getLogger(__name__)


def prepare(model: Any) -> None:
    """Out of training mode: evaluate and requests meet the same network. Raises InvalidInferenceCode for what is no
    torch.nn.Module.
    """
    torch = sys.modules.get("torch")
    if torch is None or not isinstance(model, torch.nn.Module):
        found = f"{type(model).__module__}.{type(model).__qualname__}"
        raise InvalidInferenceCode(
            f"inference.py has no predict_fn(data, model), and its model_fn returned a {found}:"
            " the server has a predict_fn only for a torch.nn.Module"
        )
    with suppress(NotImplementedError):  # a program of torch.export has no such modes
        model.eval()


class ModulePredictFn:
    """Rows of numbers -> float32, the dtype of the module, its answers -> an array, of float32 where they are not whole
    numbers. A tensor goes to the module as it is. On a GPU where torch finds one.

    Args:
        largest_batch: rows up to which a GPU gets recordings (cuda_graphs.py) when it has answered for the first time,
            which is the sample request; with 0 it gets none.
    """

    def __init__(self, module: Any, largest_batch: int) -> None:
        torch = self._torch = sys.modules["torch"]
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._module = module.to(self._device)
        kinds = (one.dtype for one in module.parameters() if one.is_floating_point())
        self._dtype = next(kinds, torch.float32)
        self._largest_batch = largest_batch
        self._shape: tuple[int, ...] | None = None  # of an instance that was answered
        self._recorded: PaddedBatches | None = None

    def __call__(self, data: Any, model: Any) -> Any:
        """Raises InvalidInput for what is no rows of numbers, or rows of a shape that the module cannot take; what the
        module raises; TypeError, ValueError where it does not answer with a tensor of a row for each instance.
        """
        torch = self._torch
        batch = data
        if not isinstance(data, torch.Tensor):
            batch = torch.from_numpy(_array(data))
            if self._dtype is not torch.float32:
                batch = batch.to(self._dtype)
        with torch.inference_mode():
            if self._recorded is not None and self._recorded.takes(batch):
                answers = self._recorded(batch)
            else:
                answers = self._ask(batch)
            return (answers.float() if answers.is_floating_point() else answers).cpu().numpy()

    def _ask(self, batch: Any) -> Any:
        shape = tuple(batch.shape[1:])
        try:
            answers = self._module(batch.to(self._device))
        except RuntimeError as error:
            if self._shape in (None, shape):
                raise
            told = f"the model does not take the shape {shape}; it has answered instances of the shape {self._shape}"
            raise InvalidInput(f"instances: {told}", field="instances") from error
        _check(answers, len(batch), self._torch)
        if self._shape is None:
            self._shape = shape
            if self._device.type == "cuda" and self._largest_batch:
                self._recorded = self._record(batch.to(self._device))
        return answers

    def _record(self, example: Any) -> PaddedBatches | None:
        from server.model import cuda_graphs

        try:
            return cuda_graphs.record(self._module, example, self._largest_batch)
        except RuntimeError as error:
            reason = str(error).partition("\n")[0]
            log.warning("the model runs without CUDA graphs, which it does not allow: %s", reason)
            self._module(example)  # raises where the attempt has left the GPU unusable
            return None


def _array(data: Any) -> Any:
    """float32 of a list or an array whose first axis is the instances. Raises InvalidInput, TypeError."""
    import numpy as np

    if not isinstance(data, list | np.ndarray):
        raise TypeError(
            f"input_fn returned {type(data).__name__}; the server's predict_fn takes a list, an array or a tensor: a"
            " module of other inputs needs a predict_fn"
        )
    try:
        found = np.array(data, np.float32)  # also of texts, as the cells of CSV are
    except (ValueError, TypeError):
        raise _refused(data) from None
    if isinstance(data, list) and not (found.size and np.isfinite(found).all()):
        raise _refused(data)
    return found


def _refused(data: Any) -> InvalidInput:
    """Names what is no number, where that are rows. Raises InvalidInput as well."""
    if len(data) and not (isinstance(data[0], list) and data[0] and isinstance(data[0][0], list)):
        numbers(data)
    return InvalidInput("instances: expected numbers of 32 bits, in lists of the same lengths", field="instances")


def _check(answers: Any, rows: int, torch: Any) -> None:
    if not isinstance(answers, torch.Tensor):
        raise TypeError(
            f"the model's forward returned {type(answers).__name__}; the server's predict_fn takes one tensor, a row"
            " for each instance: a model with other answers needs a predict_fn"
        )
    if not answers.ndim or len(answers) != rows:
        raise ValueError(
            f"the model's forward returned the shape {tuple(answers.shape)} for {rows} instances; the server's"
            " predict_fn expects a row for each: a model with other answers needs a predict_fn"
        )
