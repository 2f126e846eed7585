"""The container's environment."""

from __future__ import annotations

import os

import pytest
from server.settings import Settings

PROCESSORS = len(os.sched_getaffinity(0))


def read(**variables: str) -> Settings:
    return Settings.from_environment(variables)


def test_workers_and_the_threads_of_their_libraries_fill_the_machine_and_no_more():
    assert (read().workers, read().library_threads) == (PROCESSORS, 1)
    assert read(SAGEMAKER_MODEL_SERVER_WORKERS="1").library_threads == PROCESSORS
    assert read(SAGEMAKER_MODEL_SERVER_WORKERS=str(2 * PROCESSORS)).library_threads == 1


def test_a_container_of_many_models_is_one_process():
    many = read(SAGEMAKER_MULTI_MODEL="true", SAGEMAKER_MODEL_SERVER_WORKERS="4")
    assert (many.workers, many.multi_model, many.load_in_workers) == (1, True, True)


def test_a_single_worker_shares_with_nobody_and_loads_by_itself():
    assert read(SAGEMAKER_MODEL_SERVER_WORKERS="1").load_in_workers
    assert not read(SAGEMAKER_MODEL_SERVER_WORKERS="2").load_in_workers
    assert read(SAGEMAKER_MODEL_SERVER_WORKERS="2", SLIPWAY_LOAD_IN_WORKERS="true").load_in_workers


def test_what_is_empty_is_not_set():
    assert read(SAGEMAKER_MODEL_SERVER_TIMEOUT="", SLIPWAY_MODEL_VERSION="") == read()


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("SAGEMAKER_MODEL_SERVER_WORKERS", "0"),
        ("SAGEMAKER_MODEL_SERVER_WORKERS", "two"),
        ("SAGEMAKER_MODEL_SERVER_TIMEOUT", "-1"),
        ("SLIPWAY_BATCH_MAX_ROWS", "0"),
        ("SLIPWAY_BATCH_MAX_WAIT_MICROSECONDS", "1000001"),
        ("SLIPWAY_MAX_QUEUED_REQUESTS", "\u0663"),
        ("SLIPWAY_ENDPOINT_NAME", "a b"),
        ("SAGEMAKER_BIND_TO_PORT", "65536"),
    ],
)
def test_what_cannot_be_is_named(variable, value):
    with pytest.raises(ValueError, match=f"{variable}: "):
        read(**{variable: value})
