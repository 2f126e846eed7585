"""Service integrations of Step Functions, made as the execution's role.

ministack interprets the state machine language; a Task state's call comes here. ``tasks`` decides what kind of
integration it is, ``calls`` makes one API call, ``synchronous`` waits for what a call started, ``shapes`` and
``naming`` translate between the names of the API and those of Step Functions.
"""
