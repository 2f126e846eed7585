"""What the driver itself cannot do; the message reaches the person as FailureReason."""

from __future__ import annotations


class DriverError(Exception):
    """The job cannot be started as it is configured."""


class InvalidJobConfig(DriverError):
    """A file in /opt/ml/input/config, or a variable, is missing or malformed."""


class InvalidCode(DriverError):
    """The `code` channel is not one zip with the script in it."""


class RequirementsNotInstalled(DriverError):
    """pip could not install requirements.txt."""
