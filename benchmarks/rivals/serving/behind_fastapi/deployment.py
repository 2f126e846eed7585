"""A Ray Serve deployment with dynamic batching."""

from __future__ import annotations

import os

import networks
from ray import serve
from starlette.requests import Request


@serve.deployment(
    num_replicas=int(os.environ["WORKERS"]), max_ongoing_requests=128, ray_actor_options={"num_cpus": 0.5}
)
class Classifier:
    def __init__(self) -> None:
        self.model = networks.load()

    @serve.batch(max_batch_size=64, batch_wait_timeout_s=0.002)
    async def predict(self, requests: list[list[list[float]]]) -> list[list[list[float]]]:
        answers = iter(networks.answer(self.model, [row for rows in requests for row in rows]))
        return [[next(answers) for _ in rows] for rows in requests]

    async def __call__(self, request: Request) -> dict:
        return {"predictions": await self.predict((await request.json())["instances"])}
