"""A loaded model: bytes in, bytes out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from server import hooks, strict_json
from server.errors import RequestError
from server.settings import Settings


@dataclass(frozen=True)
class Model:
    """The workload's hooks and what its `model_fn` made of the artifact."""

    hooks: hooks.Hooks
    loaded: Any

    @classmethod
    def load(cls, settings: Settings) -> Model:
        found = hooks.load(settings.inference_dir)
        return cls(hooks=found, loaded=found.model_fn(str(settings.model_dir)))

    def answer(self, body: bytes, content_type: str, accept: str) -> bytes:
        """Predict. Raises RequestError for what is the client's fault; anything else that is raised is the model's."""
        data = self._read(body, content_type)
        prediction = self.hooks.predict_fn(data, self.loaded)
        written = self.hooks.output_fn(prediction, accept)
        return written.encode() if isinstance(written, str) else written

    def _read(self, body: bytes, content_type: str) -> Any:
        # A workload's own input_fn may use a lenient parser; what the API promises to refuse is refused before it.
        if self.hooks.input_fn is not hooks.instances:
            strict_json.parse(body)
        try:
            return self.hooks.input_fn(body, content_type)
        except (ValueError, TypeError) as error:
            raise RequestError(400, str(error) or type(error).__name__) from error
        except KeyError as error:
            raise RequestError(400, f"the key {error} is missing", str(error.args[0])) from error
