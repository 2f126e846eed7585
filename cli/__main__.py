"""`python -m cli`: the command line without its console script."""

from cli.main import app

app(prog_name="slipway")
