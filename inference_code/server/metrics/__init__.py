"""What the workers count.

board.py        in shared memory
reports.py      as Prometheus' text and as embedded metrics
"""
