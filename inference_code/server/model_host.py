"""Loads the model in the background, so that the server can say meanwhile that it is not ready."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from server import fingerprint, formats
from server.errors import NotReady
from server.hooks import load_hooks
from server.predictor import Predictor
from server.settings import Settings

log = logging.getLogger(__name__)
SAMPLE_REQUEST = "sample_request.json"


class ModelHost:
    """`predictor` is there once the model is loaded and has answered the workload's sample request."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._predictor: Predictor | None = None
        self.failed = False

    @property
    def ready(self) -> bool:
        return self._predictor is not None

    @property
    def predictor(self) -> Predictor:
        """Raises NotReady."""
        if self._predictor is None:
            raise NotReady("the model is being loaded; try again")
        return self._predictor

    def start(self, on_failure: Callable[[], None]) -> None:
        """Begins to load; `on_failure` is called in the loading thread when that fails."""
        threading.Thread(target=self._load, args=(on_failure,), name="load-model", daemon=True).start()

    def _load(self, on_failure: Callable[[], None]) -> None:
        started = time.monotonic()
        try:
            predictor = load_predictor(self._settings)
            self._try_out(predictor)
        except Exception:
            log.exception("the model in %s cannot be served", self._settings.model_dir)
            self.failed = True
            on_failure()
            return
        self._predictor = predictor
        log.info("the model is ready after %.0f ms", 1000 * (time.monotonic() - started))

    def _try_out(self, predictor: Predictor) -> None:
        sample = self._settings.inference / SAMPLE_REQUEST
        if sample.is_file():
            content_type, accept = predictor.content_type(formats.JSON), predictor.accepted("*/*")
            predictor.predict(sample.read_bytes(), content_type=content_type, accept=accept)


def load_predictor(settings: Settings) -> Predictor:
    """Raises SwappedArtifact, InvalidInferenceCode, and whatever the workload's code raises."""
    if settings.model_sha256:
        fingerprint.require(settings.model_dir, settings.model_sha256)
    hooks = load_hooks(settings.inference)
    return Predictor(hooks, hooks.load_model(settings.model_dir))
