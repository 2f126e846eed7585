"""MaxConcurrentTransforms, MaxPayloadInMB and BatchStrategy."""

import json

import pytest

from localcloud.sagemaker.transform.settings import environment, execution_parameters, settings


def test_the_request_comes_before_the_container_and_that_before_the_defaults() -> None:
    offered = {"MaxConcurrentTransforms": 8, "MaxPayloadInMB": 1}
    chosen = settings({"MaxPayloadInMB": 3, "BatchStrategy": "SingleRecord"}, offered)
    assert chosen.describe() == "MaxConcurrentTransforms=8, MaxPayloadInMB=3, BatchStrategy=SINGLE_RECORD"
    assert settings({}, {}).describe() == "MaxConcurrentTransforms=1, MaxPayloadInMB=6, BatchStrategy=MULTI_RECORD"


def test_zero_transforms_means_not_given_and_zero_megabytes_no_limit() -> None:
    chosen = settings({"MaxConcurrentTransforms": 0, "MaxPayloadInMB": 0}, {"MaxConcurrentTransforms": 5})
    assert (chosen.max_concurrent, chosen.max_payload_bytes) == (5, None)


def test_the_container_is_told_what_the_request_says_and_no_more() -> None:
    assert environment({}) == {"SAGEMAKER_BATCH": "true"}
    assert environment({"MaxConcurrentTransforms": 2, "MaxPayloadInMB": 0, "BatchStrategy": "MultiRecord"}) == {
        "SAGEMAKER_BATCH": "true",
        "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS": "2",
        "SAGEMAKER_MAX_PAYLOAD_IN_MB": "0",
        "SAGEMAKER_BATCH_STRATEGY": "MULTI_RECORD",
    }


@pytest.mark.parametrize(("status", "body"), [(404, b"{}"), (200, b"<html>"), (200, b"[]"), (200, b"")])
def test_a_container_without_execution_parameters_offers_none(status: int, body: bytes) -> None:
    assert execution_parameters(status, body) == {}


def test_other_members_are_ignored() -> None:
    assert execution_parameters(200, b'{"MaxPayloadInMB": 4, "Version": 1}') == {"MaxPayloadInMB": 4}


@pytest.mark.parametrize(
    "wrong", [{"MaxConcurrentTransforms": 0}, {"MaxPayloadInMB": "6"}, {"BatchStrategy": "SingleRecord"}]
)
def test_values_that_may_not_be_are_named(wrong: dict) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        execution_parameters(200, json.dumps(wrong).encode())
