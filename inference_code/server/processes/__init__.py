"""The processes of a container.

serve.py        what is loaded before the workers begin, and the loop that keeps them alive
supervisor.py   which worker is started, replaced, killed
forking.py      copies of a process
worker.py       a process that answers: uvicorn, draining, the beat
accepting.py    connections, spread over the workers
"""
