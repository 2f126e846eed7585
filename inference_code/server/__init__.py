"""The model server: GET /ping and POST /invocations around the hooks of one workload's `inference.py`.

    settings.py     the container's environment
    errors.py       what a request, or inference.py, can do wrong
    memory.py       what is left

    evaluate/       the other program of the image: challenger and champion on the same holdout
    processes/      the supervisor, the workers that it keeps alive, the connections spread over them
    http/           routes, bodies and answers on a connection
    serving/        what a worker serves: one model, or many, which come and go
    batching/       requests, on their way through the model
    model/          a folder of model files and inference.py -> a model that answers
    formats/        JSON, JSON Lines, CSV, npy: body -> instances, predictions -> body
    artifacts/      model files, loaded without trusting who wrote them
    metrics/        what the workers count

A package imports those that stand below it here, and the three modules.

Source: "Custom inference code with hosting services"
https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html
"""
