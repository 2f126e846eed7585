"""The workloads of `python -m benchmarks.training`, each beside the pattern of the article that it comes from."""
