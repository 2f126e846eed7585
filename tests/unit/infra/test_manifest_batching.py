"""`serving.batching` of a manifest arrives at the model server."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from pydantic import ValidationError

from infra.manifest import Serving
from tests.support.container_python import ROOT

sys.path.append(str(ROOT / "inference_code"))

from server.settings import Settings


def serving(**values: Any) -> Serving:
    return Serving.model_validate({"instance": {"type": "ml.m5.large"}, **values})


def test_the_server_reads_what_the_manifest_says() -> None:
    read = Settings.from_environment(serving(batching={"max_rows": 16, "max_wait_microseconds": 2500}).variables)
    assert (read.max_batch_rows, read.max_batch_wait_seconds) == (16, 0.0025)


def test_without_it_the_server_has_the_same_defaults() -> None:
    said, unsaid = (Settings.from_environment(serving(**values).variables) for values in ({"batching": {}}, {}))
    assert said == unsaid


def test_a_variable_that_is_named_wins() -> None:
    environment = {"SLIPWAY_BATCH_MAX_ROWS": "3"}
    assert serving(batching={}, environment=environment).variables["SLIPWAY_BATCH_MAX_ROWS"] == "3"


@pytest.mark.parametrize(
    "batching", [{"max_rows": 0}, {"max_wait_microseconds": -1}, {"max_wait_microseconds": 1_000_001}, {"size": 3}]
)
def test_what_the_server_would_refuse_is_refused(batching: dict[str, int]) -> None:
    with pytest.raises(ValidationError, match="batching"):
        serving(batching=batching)
