"""Endpoints as supervised server processes.

supervisor.py   creates, updates, deletes and recovers endpoints: one thread an operation
deployment.py   an update as a plan of traffic steps, and its execution
models.py       an endpoint config's variants resolved to images, model data, environment and role
model_data.py   download and safe extraction of model.tar.gz
instance.py     one server container: start, ping, restart, drain, stop
fleet.py        the instances of every variant of one endpoint config
routing.py      which variant and which instance answers the next request
http_client.py  pooled HTTP/1.1 client for the instances
invocation.py   InvokeEndpoint: from the request to the answer or to the error of the service model
metrics.py      invocation metrics under the names SageMaker publishes
"""
