"""A folder of model files -> a model that answers."""

from __future__ import annotations

from pathlib import Path

from server import formats
from server.model import fingerprint
from server.model.hooks import Hooks, load_hooks
from server.model.predictor import Predictor
from server.settings import Settings

SAMPLE_REQUEST = "sample_request.json"


def load(settings: Settings) -> Predictor:
    """The container's one model. Raises SwappedArtifact, InvalidInferenceCode, and whatever the workload's code
    raises.
    """
    if settings.model_sha256:
        fingerprint.require(settings.model_dir, settings.model_sha256)
    return load_from(settings.model_dir, load_hooks(settings.inference), settings.inference, settings.max_batch_rows)


def load_from(folder: Path, hooks: Hooks, inference: Path, largest_batch: int = 0) -> Predictor:
    """The model in `folder`, once it has answered the workload's sample request. Raises what `load` raises."""
    predictor = Predictor(hooks, hooks.load_model(folder), largest_batch)
    sample = inference / SAMPLE_REQUEST
    if sample.is_file():
        content_type, accept = predictor.content_type(formats.JSON), predictor.accepted("*/*")
        predictor.predict(sample.read_bytes(), content_type=content_type, accept=accept)
    return predictor
