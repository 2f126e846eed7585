"""A model that passes its smoke test and fails under traffic. Runs in the container of a drill, on Python alone.

`fault.json`: {"fault": "bad-model" | "slow-model" | "crashing-model", "mark", "seconds"}. Requests that carry the mark
as their CustomAttributes are traffic; all others are answered as the model that serves answered the sample request.
"""

import json
import os
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

HERE = Path(__file__).parent
ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes"
ANSWER = (HERE / "answer.json").read_bytes()
FAULT = json.loads((HERE / "fault.json").read_text())
VERSION = os.environ.get("SLIPWAY_MODEL_VERSION", "")


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer(200, b"")

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.headers.get(ATTRIBUTES) == FAULT["mark"]:
            if FAULT["fault"] == "crashing-model":
                os._exit(1)
            if FAULT["fault"] == "bad-model":
                self._answer(500, b'{"error": {"message": "this is a drill"}}')
                return
            time.sleep(FAULT["seconds"])
        self._answer(200, ANSWER)

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if VERSION:
            self.send_header(ATTRIBUTES, f"model_version={VERSION}")
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    # The embedded cloud reaches its containers on loopback, and drills run nowhere else.
    ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("SAGEMAKER_BIND_TO_PORT", "8080"))), Handler).serve_forever()
