"""The errors of the functions.

    SlipwayError
    ├── MissingSetting        an environment variable is not set
    ├── InvalidInput          a field of an event or of a state's input is missing or wrong
    ├── InvalidDocument       a stored JSON document is too large, malformed or not what it should be
    ├── InvalidDescriptor     the workload descriptor in SSM lacks a key
    ├── UnknownWorkload       there is no workload descriptor of that name
    ├── Throttled             AWS refused a call because there were too many, through all tries
    └── ApiError              an answer of the HTTP API that is not a success (shared.http)

A function's own errors derive from these and live beside its logic. Step Functions matches `Retry` and `Catch` on the
class's name.
"""


class SlipwayError(Exception):
    """Base of every error that a function raises on purpose. The message says what was wrong, with the value."""


class MissingSetting(SlipwayError):
    """An environment variable that the function needs is not set."""


class InvalidInput(SlipwayError):
    """A field of an event or of a state's input is missing or wrong."""


class InvalidDocument(SlipwayError):
    """A stored JSON document cannot be used: too large, malformed, or of another shape."""


class InvalidDescriptor(SlipwayError):
    """A workload descriptor lacks a key or is not a JSON object."""


class Throttled(SlipwayError):
    """AWS refused a call because there were too many, through all tries of the client."""


class UnknownWorkload(SlipwayError):
    """There is no workload descriptor of that name."""
