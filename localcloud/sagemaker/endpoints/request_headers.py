"""The headers of InvokeEndpoint: which are passed on to the container, which come back, and what is refused."""

from __future__ import annotations

from collections.abc import Mapping

from localcloud.sagemaker.endpoints.errors import InvocationError, validation_error

MAX_BODY_BYTES = 6_291_456  # shape BodyBlob
TARGET_VARIANT = "x-amzn-sagemaker-target-variant"

TARGET_MODEL = "x-amzn-sagemaker-target-model"

_CUSTOM_ATTRIBUTES = "x-amzn-sagemaker-custom-attributes"
# Features of other kinds of endpoints: refused, because ignoring them would answer from the wrong model.
_NOT_COVERED = {
    "x-amzn-sagemaker-target-container-hostname": "it has no containers with direct invocation",
    "x-amzn-sagemaker-inference-component": "it has no inference components",
}
_TO_CONTAINER = (
    "content-type",
    "accept",
    _CUSTOM_ATTRIBUTES,
    "x-amzn-sagemaker-inference-id",
    "x-amzn-sagemaker-session-id",
    TARGET_MODEL,
)
_FROM_CONTAINER = (
    "content-type",
    _CUSTOM_ATTRIBUTES,
    "x-amzn-sagemaker-new-session-id",
    "x-amzn-sagemaker-closed-session-id",
)
# HTTP header limits of the shapes that are not 1,024.
_LENGTHS = {"x-amzn-sagemaker-inference-id": 64, "x-amzn-sagemaker-session-id": 256}


def check(headers: Mapping[str, str], body: bytes) -> None:
    """Refuses what cannot be passed on. Lower-case names. Raises InvocationError."""
    if len(body) > MAX_BODY_BYTES:
        raise InvocationError(413, None, f"HTTP content length exceeded {MAX_BODY_BYTES} bytes.")
    for name, reason in _NOT_COVERED.items():
        if name in headers:
            raise validation_error(f"The endpoint does not take the header {name} ('{headers[name]}'): {reason}.")
    for name in _TO_CONTAINER:
        value, longest = headers.get(name, ""), _LENGTHS.get(name, 1024)
        if len(value) > longest or not value.isascii() or not (value.isprintable() or value == ""):
            raise validation_error(
                f"1 validation error detected: Value at '{name}' failed to satisfy constraint: Member must have length"
                f" less than or equal to {longest} and be printable ASCII"
            )


def to_container(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: headers[name] for name in _TO_CONTAINER if name in headers}


def from_container(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: headers[name] for name in _FROM_CONTAINER if name in headers}
