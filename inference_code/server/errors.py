"""
RequestError          the client's fault: answered with its status
InferenceCodeError    the workload's folder cannot be used: the container does not start
"""

from __future__ import annotations


class RequestError(Exception):
    """A request that is refused; `field` names the part of the body at fault, where there is one."""

    def __init__(self, status: int, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.field = status, message, field


class InferenceCodeError(Exception):
    """`inference.py` is missing, lacks a hook that is needed, or fails to load the model."""
