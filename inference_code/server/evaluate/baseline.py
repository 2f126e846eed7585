"""What monitoring compares requests with: the holdout's rows, asked and answered as a client would, in the lines that
data capture writes (docs/monitoring.md).
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from typing import Any

from server import formats
from server.model.predictor import Predictor

_MOST_ROWS = 1000


def lines(predictor: Predictor, instances: Iterable[Any]) -> Iterator[str]:
    """One row a line, at most 1,000 of them, from all over the holdout. Raises RequestError where the model refuses
    one, TypeError or ValueError where one is not JSON.
    """
    rows = list(instances)
    for number, row in enumerate(rows[:: math.ceil(len(rows) / _MOST_ROWS) or 1]):
        body = json.dumps({"instances": [row]}, allow_nan=False).encode()
        answer = predictor.predict(body, content_type=formats.JSON, accept=formats.JSON)
        yield json.dumps(
            {
                "captureData": {"endpointInput": _captured(body), "endpointOutput": _captured(answer)},
                "eventMetadata": {"eventId": f"holdout-{number}", "inferenceTime": ""},
                "eventVersion": "0",
            }
        )


def _captured(body: bytes) -> dict[str, str]:
    return {"observedContentType": formats.JSON, "data": body.decode(), "encoding": "JSON"}
