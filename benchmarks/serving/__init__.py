"""The benchmark of model servers.

__main__.py     the command, the turns, ratios and goals
contestants.py  what is installed and started for each server
processes.py    a server's processes: start, readiness, memory, end
answers.py      a server's answers, checked before it is timed
load.py         requests per second and latencies, by wrk
workload/       the networks as a workload of ours
"""
