"""A batch of requests through the model: together where that can be, else one after the other."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

from server.batching import micro_batches
from server.batching.requests import Request
from server.errors import ModelFailed, RequestError
from server.model.predictor import Predictor, describe

log = logging.getLogger(__name__)


class Execution:
    """`run` is called by one thread at a time."""

    def __init__(self, predictor: Predictor, clock: Callable[[], float] = time.perf_counter) -> None:
        self._predictor, self._clock = predictor, clock
        self.batched = predictor.batched

    def run(self, batch: list[Request]) -> tuple[float, float]:
        """Sets the outcome of each; of none where they have to be asked one by one. Returns the seconds that
        predict_fn, and the encoding, took of all together.
        """
        started = self._clock()
        predictions = self._alone(batch[0]) if len(batch) == 1 else self._together(batch)
        predicted = self._clock()
        for request, prediction in zip(batch, predictions, strict=False):
            request.outcome = self._encoded(prediction, request.accept)
        return predicted - started, self._clock() - predicted

    def run_one(self, data: Any, accept: str) -> tuple[Any, float, float]:
        """The outcome for one input, and the seconds as of `run`."""
        clock = self._clock
        started = clock()
        prediction = self._guarded(self._predictor.infer, data)
        predicted = clock()
        outcome = self._encoded(prediction, accept)
        return outcome, predicted - started, clock() - predicted

    def _alone(self, request: Request) -> list[Any]:
        return [self._guarded(self._predictor.infer, request.data)]

    def _together(self, batch: list[Request]) -> list[Any]:
        """The prediction for each; no predictions where all together fail."""
        try:
            predictions = self._predictor.infer_together(micro_batches.join([request.data for request in batch]))
            return micro_batches.split(predictions, [request.rows for request in batch])
        except micro_batches.NotSplittable as error:
            log.error("requests are not batched any more: inference.py says BATCHED, but %s", error)
            self.batched = False
        except BaseException as error:  # what a library in Rust panics with is no Exception
            log.info("a batch of %d requests is repeated one by one: %s", len(batch), describe(error))
        return []

    def _encoded(self, prediction: Any, accept: str) -> Any:
        if isinstance(prediction, RequestError):
            return prediction
        return self._guarded(self._predictor.encode, prediction, accept)

    @staticmethod
    def _guarded(function: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return function(*arguments)
        except RequestError as error:
            return error
        except BaseException as error:  # a hook that ends the process (sys.exit) ends one request instead
            log.error("the model failed: %s", describe(error))
            return ModelFailed("the model failed on this request")
