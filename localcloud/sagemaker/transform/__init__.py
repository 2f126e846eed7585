"""Batch transform jobs: a model's containers answer for every object of a data set.

runner.py       the life of a transform job
pipeline.py     the objects of one instance: read, cut, asked, written, in order
records.py      an object cut into records (SplitType)
payloads.py     records put together to requests (BatchStrategy, MaxPayloadInMB)
association.py  DataProcessing: what of a record is sent, and what is written beside the answer
formats.py      CSV and JSON Lines as records
jsonpath.py     the JSONPath operators of DataProcessing
model_client.py one request: timeout, retries, and what its failure is called
settings.py     MaxConcurrentTransforms, MaxPayloadInMB and BatchStrategy, from the request or from the container
data_log.py     the log stream that says which object failed, and why
"""
