"""`python proxy.py PORT WORKERS`: Ray Serve in a SageMaker container: FastAPI in front of Ray's own HTTP proxy."""

from __future__ import annotations

import os
import sys
from contextlib import asynccontextmanager

import deployment
import fastapi
import httpx
import ray
import uvicorn
from ray import serve

PORT = int(sys.argv[1])
RAY_PORT = int(os.environ["RAY_PORT"])


@asynccontextmanager
async def lifespan(app: fastapi.FastAPI):
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{RAY_PORT}", timeout=60) as client:
        app.state.client = client
        yield


app = fastapi.FastAPI(lifespan=lifespan)


@app.get("/ping")
async def ping() -> dict:
    return {}


@app.post("/invocations")
async def invocations(request: fastapi.Request) -> fastapi.Response:
    answered = await app.state.client.post("/", json=await request.json())
    return fastapi.responses.JSONResponse(answered.json(), status_code=answered.status_code)


if __name__ == "__main__":
    ray.init(num_cpus=2, include_dashboard=False, object_store_memory=100 * 2**20, log_to_driver=False)
    serve.start(http_options={"host": "127.0.0.1", "port": RAY_PORT})
    serve.run(deployment.Classifier.bind())
    uvicorn.run(app, host="127.0.0.1", port=PORT, log_level="warning")
