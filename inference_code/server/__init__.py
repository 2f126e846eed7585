"""The model server: SageMaker's container contract (GET /ping, POST /invocations) around a workload's hooks."""
