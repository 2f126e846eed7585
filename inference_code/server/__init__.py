"""The model server: GET /ping and POST /invocations around the hooks of one workload's `inference.py`.

    settings.py     the container's environment
    hooks.py        inference.py -> its functions, with defaults for the missing ones
    formats/        JSON, JSON Lines, CSV, npy: body -> instances, predictions -> body
    artifacts/      model files, loaded without trusting who wrote them
    loading.py      a folder of model files -> a model that answers
    predictor.py    a model and its hooks: parse, infer, encode

    serve.py        the server: what is loaded before the workers begin, and the loop that keeps them alive
    supervisor.py   which worker is started, replaced, killed
    processes.py    forking
    worker.py       a process that answers: uvicorn, draining, the beat
    accepting.py    connections, spread over the workers
    board.py        what the workers count, in shared memory
    metrics.py      the board as Prometheus' text and as embedded metrics
    memory.py       what is left

    app.py          the routes
    body.py         an ASGI request's body, within a limit
    answers.py      answers as ASGI messages
    protocol.py     HTTP on one connection, and how long it may keep us waiting
    writing.py      an answer's head and body in one write
    streaming.py    answers in parts
    models.py       what a worker serves: one model
    multi_model.py  or many, which come and go
    service.py      a model as a worker serves it
    parsing.py      a body -> what predict_fn gets
    batching.py     the queue, and whose turn it is
    requests.py     a request's input, while it waits
    execution.py    a batch through the model
    micro_batches.py  inputs of several requests as one, and the predictions apart again
    cost.py         in the event loop or in a thread

    fingerprint.py  whether the model is the one that was evaluated
    evaluate.py     the other program of the image: challenger and champion on the same holdout
    measurements.py what a workload's `evaluate` returned, checked
    latency.py      how long one row takes, of both models in turns

Source: "Custom inference code with hosting services"
https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html
"""
