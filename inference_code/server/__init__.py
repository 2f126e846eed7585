"""The model server: GET /ping and POST /invocations around the hooks of one workload's `inference.py`.

    settings.py     the container's environment
    hooks.py        inference.py -> its functions, with defaults for the missing ones
    formats/        JSON, JSON Lines, CSV, npy: body -> instances, predictions -> body
    artifacts/      model files, loaded without trusting who wrote them
    predictor.py    one request through the hooks
    model_host.py   loading in the background; whether the model answers
    body.py         an ASGI request's body, within a limit
    app.py          the routes
    serve.py        the process: signals, threads, uvicorn
    fingerprint.py  whether the model is the one that was evaluated
    evaluate.py     the other program of the image: challenger and champion on the same holdout
    measurements.py what a workload's `evaluate` returned, checked
    latency.py      how long one row takes, of both models in turns

Source: "Custom inference code with hosting services"
https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html
"""
