"""`serving.batching` of a manifest: the micro-batches of a model whose inference.py says `BATCHED = True`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from infra.manifest_fields import Strict


class Batching(Strict):
    max_rows: Annotated[int, Field(ge=1, le=65536)] = 64
    """Instances that predict_fn gets at once, of several requests; one request with more of them goes alone."""
    max_wait_microseconds: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    """How long a batch that is not full waits for more; 0: it takes what is there when the model is free."""

    @property
    def environment(self) -> dict[str, str]:
        """What the model server reads (inference_code/server/settings.py)."""
        return {
            "SLIPWAY_BATCH_MAX_ROWS": str(self.max_rows),
            "SLIPWAY_BATCH_MAX_WAIT_MICROSECONDS": str(self.max_wait_microseconds),
        }
