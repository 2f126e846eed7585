"""A TorchServe handler: a batch of requests in, a list of as many answers out."""

from __future__ import annotations

import json

import networks
from ts.torch_handler.base_handler import BaseHandler


class Handler(BaseHandler):
    """One forward pass for all rows of the batch's requests."""

    def initialize(self, context):
        self.model = networks.load()
        self.initialized = True

    def handle(self, data, context):
        bodies = [request.get("data") or request.get("body") for request in data]
        requests = [(json.loads(body) if isinstance(body, bytes | str) else body)["instances"] for body in bodies]
        answers = iter(networks.answer(self.model, [row for rows in requests for row in rows]))
        return [{"predictions": [next(answers) for _ in rows]} for rows in requests]
