"""What measures speed, each with its rival in the same run. `python -m benchmarks.<name> [--json FILE]`."""
