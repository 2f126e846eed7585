"""How a task fails.

TaskError
└── the error name and cause that Retry, Catch and the execution's history show
"""

from __future__ import annotations

RUNTIME = "States.Runtime"
TASK_FAILED = "States.TaskFailed"
PERMISSIONS = "States.Permissions"
DATA_LIMIT = "States.DataLimitExceeded"


class TaskError(Exception):
    """``error`` is a name for ErrorEquals, such as ``States.TaskFailed`` or ``SageMaker.ResourceInUseException``."""

    def __init__(self, error: str, cause: str) -> None:
        super().__init__(f"{error}: {cause}")
        self.error = error
        self.cause = cause
