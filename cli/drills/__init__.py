"""`slipway drill`: a fault is played on the embedded cloud, under a client's traffic, and what follows is looked at.

`runner` does what all drills share; each of the other modules that `catalog` names is one fault.
"""
