"""`make headline`: every row of docs/headline.md through the deployed stack, with the figures it has to show.

    row.py        what a row is: a workload, its data set, the figures it has to reach
    rows/         one module a row, named as its workload
    slipway.py    the command line on an embedded cloud of our own
    run.py        one row: deploy, train, ask, measure
    report.py     the table, build/headline.json and docs/headline.md

A new row is one module `rows/<workload>.py` with a `ROW`; nothing else names it. Nothing of the project is imported
here: a row is what a person does with `slipway`.
"""
