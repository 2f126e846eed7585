"""A BentoML service with an adaptive batch of rows. The rows of one request stay together."""

from __future__ import annotations

import os

import bentoml
import networks


@bentoml.service(workers=int(os.environ["WORKERS"]), traffic={"timeout": 60, "max_concurrency": 256})
class Classifier:
    def __init__(self) -> None:
        self.model = networks.load()

    @bentoml.api(batchable=True, max_batch_size=64, max_latency_ms=2000, route="/invocations")
    def predict(self, instances: list[list[float]]) -> list[list[float]]:
        return networks.answer(self.model, instances)
