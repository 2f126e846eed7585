"""Endpoints as supervised server processes.

supervisor.py       creates, updates, deletes and recovers endpoints: one thread an operation
deployment.py       a DeploymentConfig as a plan: steps of traffic and instances
rollout.py          one update: takes the steps, rolls back
alarms.py           the alarms that roll an update back
record.py           what all this writes into an endpoint's document
models.py           an endpoint config's variants resolved to images, model data, environment and role
model_data.py       download and safe extraction of model.tar.gz
instance.py         one server container: start, ping, restart, drain, stop
fleet.py            the instances of every variant of one endpoint config
routing.py          which variant and which instance answers the next request
http_client.py      pooled HTTP/1.1 client for the instances
invocation.py       InvokeEndpoint, streamed or not: from the request to the answer or to the error of the service model
request_headers.py  which headers go to the container and back, and which are refused
errors.py           the errors of sagemaker-runtime
sessions.py         stateful sessions: which instance holds which
shadow.py           copies of requests for shadow variants
data_capture.py     samples of requests and answers to S3
metrics.py          invocation metrics under the names SageMaker publishes
"""
