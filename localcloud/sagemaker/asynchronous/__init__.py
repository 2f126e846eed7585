"""Asynchronous inference: requests wait in a durable queue, inputs and outputs are objects in S3.

https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference.html

api.py            InvokeEndpointAsync
request.py        what a request says, and where its outputs go
backlog.py        the queues, in the store
dispatcher.py     gives requests to instances, as many at a time as these take
invocation.py     one request: download, invoke, upload, notify
notifications.py  the messages to the SNS topics
metrics.py        what is published about queues and invocations
"""
