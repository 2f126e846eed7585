"""One request through the hooks."""

from __future__ import annotations

import logging
import re
import traceback
from typing import Any

from server import formats
from server.errors import InvalidInput, ModelFailed, RequestError
from server.formats import negotiation
from server.hooks import Hooks

log = logging.getLogger(__name__)
# What a message of input_fn may start with to name its field: `instances[3]: expected ...`.
_FIELD = re.compile(r"(?P<field>[A-Za-z_]\w*(?:\[\d+\]|\.\w+)*): ")


class Predictor:
    """A loaded model with its hooks; called by several threads at once."""

    def __init__(self, hooks: Hooks, model: Any) -> None:
        self._hooks = hooks
        self._model = model

    def content_type(self, header: str) -> str:
        """What a request's body is. Raises UnsupportedMediaType for what the workload does not take."""
        return negotiation.content_type(header, self._hooks.content_types)

    def accepted(self, header: str) -> str:
        """What the answer will be. Raises NotAcceptable for what the workload does not give."""
        return negotiation.accepted(header, self._hooks.accept_types)

    def predict(self, body: bytes, *, content_type: str, accept: str) -> bytes:
        """The response's body. `content_type` and `accept` are what the methods of these names gave. Raises
        RequestError.
        """
        data = self._input(body, content_type)
        try:
            return self._output(self._hooks.predict_fn(data, self._model), accept)
        except RequestError:
            raise
        except Exception as error:
            log.error("the model failed: %s", describe(error))
            raise ModelFailed("the model failed on this request") from error

    def _input(self, body: bytes, content_type: str) -> Any:
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
            log.error("input_fn failed: %s", describe(error))
            raise ModelFailed("the model failed on this request") from error

    def _output(self, prediction: Any, accept: str) -> bytes:
        if self._hooks.output_fn is None:
            return formats.encode(prediction, accept)
        body = self._hooks.output_fn(prediction, accept)
        body = body.encode() if isinstance(body, str) else body
        if not isinstance(body, bytes):
            raise TypeError(f"output_fn returned {type(body).__name__}; bytes or str are expected")
        return body


def describe(error: BaseException) -> str:
    """The exception's type and where it was raised. Not its message, which may quote the request."""
    frames = traceback.extract_tb(error.__traceback__)
    places = " < ".join(f"{frame.filename}:{frame.lineno} {frame.name}" for frame in reversed(frames))
    return f"{type(error).__name__} at {places}"
