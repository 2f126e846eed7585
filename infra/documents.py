"""Documents with CloudFormation tokens in them, as text."""

from __future__ import annotations

import json
from typing import Any


def to_json(document: Any) -> str:
    """Compact JSON. Its strings may hold tokens, whose values (ARNs, names) need no escaping.

    Not `Stack.to_json_string`: on its way to jsii a dictionary loses the keys whose value is None.
    """
    return json.dumps(document, separators=(",", ":"))
