"""Requests and answers.

app.py          the routes
body.py         an ASGI request's body, within a limit
answers.py      answers as ASGI messages
streaming.py    answers in parts
protocol.py     HTTP on one connection, and how long it may keep us waiting
writing.py      an answer's head and body in one write
"""
