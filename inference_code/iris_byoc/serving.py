"""SageMaker's contract with a serving container, without a toolkit: GET /ping and POST /invocations on port 8080.

https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from flowers import InvalidRequest, UnsupportedMediaType, instances, render
from linear_model import LinearModel

MAX_BODY_BYTES = 6 * 1024 * 1024  # what an endpoint takes
READ_SECONDS = 60


class Handler(BaseHTTPRequestHandler):
    """Answers with `model` and says which `version` it is, where it was told."""

    protocol_version = "HTTP/1.1"
    timeout = READ_SECONDS
    model: LinearModel
    version: str | None

    def do_GET(self) -> None:
        if self.path == "/ping":
            self._answer(200, "application/json", b"")
        else:
            self._refuse(404, f"there is nothing at {self.path[:100]}")

    def do_POST(self) -> None:
        body = self._body()
        if body is None:
            return
        if self.path != "/invocations":
            self._refuse(404, f"there is nothing at {self.path[:100]}")
            return
        try:
            content_type = self.headers.get_content_type()
            predictions = self.model.predict(instances(body, content_type, self.model.features))
            self._answer(200, *render(predictions, self.headers.get("Accept") or content_type))
        except UnsupportedMediaType as error:
            self._refuse(415, str(error))
        except InvalidRequest as error:
            self._refuse(400, str(error))
        except Exception:
            traceback.print_exc()
            self._refuse(500, "the model failed; see its log")

    def _body(self) -> bytes | None:
        """None where the request has been refused."""
        length = self.headers.get("Content-Length", "")
        if not length.isdigit():
            self.close_connection = True
            self._refuse(411, "Content-Length is needed")
            return None
        if int(length) > MAX_BODY_BYTES:
            self.close_connection = True
            self._refuse(413, f"the body has more than {MAX_BODY_BYTES} bytes")
            return None
        return self.rfile.read(int(length))

    def _refuse(self, status: int, message: str) -> None:
        self._answer(status, "application/json", json.dumps({"error": {"message": message}}).encode())

    def _answer(self, status: int, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        if self.version:
            self.send_header("X-Amzn-SageMaker-Custom-Attributes", f"model_version={self.version}")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Silence: a line a request costs more than it tells, CloudWatch counts them."""


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


def main() -> int:
    # A machine that cannot give a container a folder /opt/ml of its own names another one.
    root = Path(os.environ.get("SLIPWAY_ML_ROOT", "/opt/ml"))
    Handler.model = LinearModel.load(root / "model")
    Handler.version = os.environ.get("SLIPWAY_MODEL_VERSION")
    address = os.environ.get("SLIPWAY_BIND_ADDRESS", "0.0.0.0")  # noqa: S104  (as a container must)
    server = Server((address, int(os.environ.get("SAGEMAKER_BIND_TO_PORT", "8080"))), Handler)
    # `shutdown` waits for the loop, which runs in this thread.
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    print(f"serving {len(Handler.model.classes)} classes", flush=True)
    with server:
        server.serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main())
