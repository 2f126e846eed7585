"""`python litserve_server.py PORT WORKERS`: LitServe, its API's hooks and its batching."""

from __future__ import annotations

import sys

import litserve
import networks


class Api(litserve.LitAPI):
    def setup(self, device):
        self.model = networks.load()

    def decode_request(self, request):
        return request["instances"]

    def batch(self, inputs):
        self.sizes = [len(rows) for rows in inputs]
        return [row for rows in inputs for row in rows]

    def predict(self, rows):
        return networks.answer(self.model, rows)

    def unbatch(self, output):
        answers = iter(output)
        return [[next(answers) for _ in range(size)] for size in self.sizes]

    def encode_response(self, output):
        return {"predictions": output}


if __name__ == "__main__":
    api = Api(max_batch_size=64, batch_timeout=0.002, api_path="/invocations")
    server = litserve.LitServer(api, accelerator="cpu", workers_per_device=int(sys.argv[2]), healthcheck_path="/ping")
    server.run(host="127.0.0.1", port=int(sys.argv[1]), generate_client_file=False, log_level="warning")
