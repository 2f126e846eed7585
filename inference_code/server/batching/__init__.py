"""Requests on their way through the model.

batcher.py      the queue, and whose turn it is
requests.py     a request's input, while it waits
execution.py    a batch through the model
micro_batches.py  inputs of several requests as one, and the predictions apart again
cost.py         in the event loop or in a thread
"""
