"""A model server for transform jobs: one file, nothing but the standard library.

`text/csv`: every row is answered with the sum of its numbers. JSON: every line `{"x": n}` with `{"y": 2n}`; a list with
its length. Anything else: a description of the request. A body with "bad" is refused (400), one with "boom" is an error
(500), with "flaky" an error the first time. EXECUTION_PARAMETERS is what GET /execution-parameters answers.
"""

BATCH_SERVER = r"""
import json, os, threading, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

seen, lock = set(), threading.Lock()
busy, most = 0, 0

def answer_csv(body):
    rows = [line.split(",") for line in body.decode().splitlines() if line]
    return "".join(f"{sum(float(value) for value in row):g}\n" for row in rows)

def answer_json(line):
    document = json.loads(line)
    return json.dumps({"y": 2 * document["x"]} if isinstance(document, dict) else len(document))

class Handler(BaseHTTPRequestHandler):
    protocol_version, disable_nagle_algorithm, wbufsize = "HTTP/1.1", True, -1
    def log_message(self, *arguments): pass
    def answer(self, status, text):
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def do_GET(self):
        parameters = os.environ.get("EXECUTION_PARAMETERS")
        if self.path == "/execution-parameters" and parameters:
            return self.answer(200, parameters)
        self.answer(200 if self.path == "/ping" and not os.environ.get("NEVER_HEALTHY") else 404, "")
    def body(self):
        if "Content-Length" in self.headers:
            return self.rfile.read(int(self.headers["Content-Length"]))
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)
    def do_POST(self):
        global busy, most
        with lock:
            busy += 1
            most = max(most, busy)
        try:
            self.invoke(self.body())
        finally:
            with lock:
                busy -= 1
    def invoke(self, body):
        time.sleep(float(os.environ.get("SECONDS", "0")))
        if body.startswith(b"die"): os._exit(9)
        if b"bad" in body: return self.answer(400, "cannot read 'bad'")
        if b"boom" in body: return self.answer(500, "model exploded")
        if b"flaky" in body and body not in seen:
            seen.add(body)
            return self.answer(503, "not yet")
        kind = self.headers.get("Content-Type", "")
        if kind == "text/csv": return self.answer(200, answer_csv(body))
        if kind == "application/json" or "jsonlines" in kind:
            return self.answer(200, "\n".join(answer_json(line) for line in body.splitlines()))
        print("invoked with", len(body), "bytes", flush=True)
        names = [name for name in sorted(os.environ) if name.startswith("SAGEMAKER_") or name == "FROM_JOB"]
        model = open("/opt/ml/model/weights.txt").read() if os.path.exists("/opt/ml/model/weights.txt") else None
        self.answer(200, json.dumps({"size": len(body), "start": body[:8].hex(), "content_type": kind,
            "accept": self.headers.get("Accept"), "chunked": self.headers.get("Transfer-Encoding"), "most": most,
            "environment": {name: os.environ[name] for name in names if name != "SAGEMAKER_BIND_TO_PORT"},
            "model": model, "credentials": "AWS_ACCESS_KEY_ID" in os.environ,
            "port": os.environ["SAGEMAKER_BIND_TO_PORT"]}))

class Server(ThreadingHTTPServer):
    request_queue_size = 128

Server(("127.0.0.1", int(os.environ["SAGEMAKER_BIND_TO_PORT"])), Handler).serve_forever()
"""
