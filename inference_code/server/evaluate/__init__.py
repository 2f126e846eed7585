"""`python -m server.evaluate`: challenger and champion on the same holdout, by the code that serves them.

__main__.py     the program
archive.py      model.tar.gz -> a folder
measurements.py what a workload's `evaluate` returned, checked
latency.py      how long one row takes, of both models in turns
baseline.py     what monitoring compares requests with
"""
