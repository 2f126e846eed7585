"""How execution environments of Lambda functions start.

template.py   a process that has imported the runtime's packages, of which they are forked
prepared.py   botocore's models, read before the fork, inside that process and its forks
forking.py    the cloud's side: what is forked, and the process that comes of it
"""
