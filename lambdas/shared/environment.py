"""Reading settings from the environment, only when a handler asks."""

import os

from shared.errors import MissingSetting


def require(name: str) -> str:
    """The value of the environment variable `name`; `MissingSetting` when it is absent or empty."""
    value = os.environ.get(name, "")
    if not value:
        raise MissingSetting(
            f"environment variable {name} is not set: the stack that deploys this function must set it"
        )
    return value
