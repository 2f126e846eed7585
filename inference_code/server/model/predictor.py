"""One request through the hooks."""

from __future__ import annotations

import logging
import re
import traceback
from collections.abc import Callable, Iterator
from typing import Any

from server import formats
from server.errors import InvalidInput, ModelFailed, RequestError
from server.formats import negotiation
from server.model.hooks import Hooks

log = logging.getLogger(__name__)
# What a message of input_fn may start with to name its field: `instances[3]: expected ...`.
_FIELD = re.compile(r"(?P<field>[A-Za-z_]\w*(?:\[\d+\]|\.\w+)*): ")


class Predictor:
    """A loaded model with its hooks. `infer` is called by one thread at a time, the others by several. `largest_batch`:
    rows, where it is worth while to make the model ready for some.
    """

    def __init__(self, hooks: Hooks, model: Any, largest_batch: int = 0) -> None:
        self._hooks = hooks
        self._model = model
        self._predict_fn = hooks.predict_fn or _own_predict_fn(model, largest_batch if hooks.batched else 0)

    def content_type(self, header: str) -> str:
        """What a request's body is. Raises UnsupportedMediaType for what the workload does not take."""
        return negotiation.content_type(header, self._hooks.content_types)

    def accepted(self, header: str) -> str:
        """What the answer will be. Raises NotAcceptable for what the workload does not give."""
        return negotiation.accepted(header, self._hooks.accept_types)

    @property
    def batched(self) -> bool:
        """Whether inputs of several requests may go to predict_fn together."""
        return self._hooks.batched

    def predict(self, body: bytes, *, content_type: str, accept: str) -> bytes:
        """The response's body. `content_type` and `accept` are what the methods of these names gave. Raises
        RequestError.
        """
        answer = self.encode(self.infer(self.parse(body, content_type)), accept)
        return answer if isinstance(answer, bytes) else b"".join(map(as_bytes, answer))

    def parse(self, body: bytes, content_type: str) -> Any:
        """What predict_fn gets. Raises RequestError."""
        if self._hooks.input_fn is None:
            return formats.instances(body, content_type)
        if self._hooks.strict:
            formats.load_json(body)
        try:
            return self._hooks.input_fn(body, content_type)
        except RequestError:
            raise
        except (ValueError, TypeError) as error:
            found = _FIELD.match(str(error))
            raise InvalidInput(str(error), field=found["field"] if found else None) from error
        except Exception as error:
            raise failed("input_fn failed", error) from error

    def infer(self, data: Any) -> Any:
        """The prediction for one request's input. Raises RequestError."""
        try:
            return self._predict_fn(data, self._model)
        except RequestError:
            raise
        except Exception as error:
            raise failed("the model failed", error) from error

    def infer_together(self, data: Any) -> Any:
        """The predictions for what several requests sent. Raises whatever predict_fn raises."""
        return self._predict_fn(data, self._model)

    def encode(self, prediction: Any, accept: str) -> bytes | Iterator[bytes | str]:
        """The response's body, or its parts where a hook gives them one by one. Raises RequestError."""
        try:
            if self._hooks.output_fn is not None:
                prediction = self._hooks.output_fn(prediction, accept)
                return prediction if isinstance(prediction, Iterator) else as_bytes(prediction)
            return prediction if isinstance(prediction, Iterator) else formats.encode(prediction, accept)
        except RequestError:
            raise
        except Exception as error:
            raise failed("the model failed", error) from error


def _own_predict_fn(model: Any, largest_batch: int) -> Callable[[Any, Any], Any]:
    """For what Hooks.load_model has let through without one."""
    from server.model.torch_module import ModulePredictFn

    return ModulePredictFn(model, largest_batch)


def as_bytes(part: bytes | str) -> bytes:
    """Raises TypeError."""
    if isinstance(part, bytes):
        return part
    if not isinstance(part, str):
        raise TypeError(f"the answer is {type(part).__name__}; bytes or str are expected")
    return part.encode()


def failed(what: str, error: BaseException) -> ModelFailed:
    """What the client is told; the log gets the place."""
    log.error("%s: %s", what, describe(error))
    return ModelFailed("the model failed on this request")


def describe(error: BaseException) -> str:
    """The exception's type and where it was raised. Not its message, which may quote the request."""
    frames = traceback.extract_tb(error.__traceback__)
    places = " < ".join(f"{frame.filename}:{frame.lineno} {frame.name}" for frame in reversed(frames))
    return f"{type(error).__name__} at {places}"
