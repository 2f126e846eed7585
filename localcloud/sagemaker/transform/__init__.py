"""Batch transform jobs: a model's containers answer for every object of a data set.

runner.py       the life of a transform job
servers.py      the model servers, one an instance
pipeline.py     the objects of one instance: read, cut, asked, written, in order
sources.py      an object of S3 as a stream, decompressed where asked
records.py      an object cut into records (SplitType)
payloads.py     records put together to requests (BatchStrategy, MaxPayloadInMB)
association.py  DataProcessing: what of a record is sent, and what is written beside the answer
formats.py      CSV and JSON Lines as records
jsonpath.py     the JSONPath operators of DataProcessing
model_client.py one request: timeout, retries, and what its failure is called
outputs.py      what goes to S3 at the end
settings.py     MaxConcurrentTransforms, MaxPayloadInMB and BatchStrategy, from the request or from the container
crc32c.py       the checksum of TFRecord
data_log.py     the log stream that says which object failed, and why
"""
