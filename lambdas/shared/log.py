"""Structured logs: one JSON object a line on standard output, which Lambda sends to CloudWatch Logs.

Never pass a payload (a request's body, a prediction, a data set's content) as a field: ids, names, counts and reasons
only.
"""

import json
from dataclasses import dataclass, field, replace
from typing import Any


@dataclass(frozen=True)
class Log:
    """A logger with fields that every line carries, such as `request_id` or `run`."""

    function: str
    fields: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, function: str, context: Any) -> "Log":
        """The logger of one invocation; `context` is the Lambda context object (its `aws_request_id` is used)."""
        return cls(function, {"request_id": getattr(context, "aws_request_id", None)})

    def bind(self, **fields: Any) -> "Log":
        return replace(self, fields={**self.fields, **fields})

    def info(self, message: str, **fields: Any) -> None:
        self._write("INFO", message, fields)

    def warning(self, message: str, **fields: Any) -> None:
        self._write("WARNING", message, fields)

    def error(self, message: str, **fields: Any) -> None:
        self._write("ERROR", message, fields)

    def _write(self, level: str, message: str, fields: dict[str, Any]) -> None:
        line = {"level": level, "message": message, "function": self.function, **self.fields, **fields}
        print(json.dumps(line, default=str), flush=True)
