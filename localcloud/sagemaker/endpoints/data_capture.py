"""Data capture of an endpoint: a sample of its requests and answers, as JSON Lines in S3.

https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-data-capture-endpoint.html: objects
``<DestinationS3Uri>/<endpoint>/<variant>/yyyy/mm/dd/hh/<name>.jsonl``, written with the execution role. Captured are
the requests that the model answered with success, by whole answers: not those that are streamed.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from localcloud.containers.shipping import Shipper
from localcloud.sagemaker.capture import Payload, TextTypes, encode_record, object_name
from localcloud.sagemaker.jobs.channels import S3Uri

_INTERVAL_SECONDS = 2.0
_CLOSE_SECONDS = 10.0


@dataclass(frozen=True, kw_only=True)
class _Captured:
    variant: str
    role_arn: str | None
    moment: datetime
    line: bytes


class DataCapture:
    """Captures for one endpoint.

    Args:
        config: DataCaptureConfig.
        connect: makes an S3 client that acts for a role (ARN).
    """

    def __init__(self, config: Mapping[str, Any], *, endpoint: str, connect: Callable[[str | None], Any]) -> None:
        self._config = config
        self._prefix = f"{S3Uri.parse(config['DestinationS3Uri']).key.rstrip('/')}/{endpoint}".lstrip("/")
        self._bucket = S3Uri.parse(config["DestinationS3Uri"]).bucket
        self._modes = {option["CaptureMode"] for option in config["CaptureOptions"]}
        self._types = TextTypes.from_request(config.get("CaptureContentTypeHeader"))
        self._connect = connect
        self._credit = 0.0
        self._lock = threading.Lock()
        self._shipper: Shipper[_Captured] = Shipper(
            self._write, name=f"capture-{endpoint}", interval_seconds=_INTERVAL_SECONDS
        )

    def record(
        self, variant: str, role_arn: str | None, headers: Mapping[str, str], request: bytes, response: Payload
    ) -> None:
        """One answered request; it is captured when it is in the sample. Lower-case names of the request's headers."""
        if not self._sampled():
            return
        both = "InputAndOutput" in self._modes
        sent = Payload(content_type=headers.get("content-type", "application/octet-stream"), body=request)
        moment = datetime.now(UTC)
        line = encode_record(
            moment=moment,
            types=self._types,
            request=sent if both or "Input" in self._modes else None,
            response=response if both or "Output" in self._modes else None,
            inference_id=headers.get("x-amzn-sagemaker-inference-id"),
            custom_attributes=headers.get("x-amzn-sagemaker-custom-attributes"),
        )
        self._shipper.put(_Captured(variant=variant, role_arn=role_arn, moment=moment, line=line))

    def close(self) -> None:
        """Writes what is left."""
        self._shipper.close(_CLOSE_SECONDS)

    def _sampled(self) -> bool:
        """Evenly spread, so that of n requests the percentage of n is captured."""
        with self._lock:
            self._credit += self._config["InitialSamplingPercentage"] / 100
            if self._credit < 1.0 - 1e-9:
                return False
            self._credit -= 1.0
            return True

    def _write(self, batch: Sequence[_Captured]) -> None:
        groups: dict[tuple[str, str | None, str], list[_Captured]] = defaultdict(list)
        for captured in batch:
            groups[captured.variant, captured.role_arn, f"{captured.moment:%Y%m%d%H}"].append(captured)
        key = self._config.get("KmsKeyId")
        encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key} if key else {}
        for (variant, role_arn, _), group in groups.items():
            self._connect(role_arn).put_object(
                Bucket=self._bucket,
                Key=f"{self._prefix}/{variant}/{object_name(group[0].moment)}",
                Body=b"".join(captured.line for captured in group),
                ContentType="application/json",
                **encryption,
            )


def summary(config: Mapping[str, Any]) -> dict[str, Any]:
    """DataCaptureConfigSummary of DescribeEndpoint."""
    enabled = config.get("EnableCapture", True)
    return {
        "EnableCapture": enabled,
        "CaptureStatus": "Started" if enabled else "Stopped",
        "CurrentSamplingPercentage": config["InitialSamplingPercentage"],
        "DestinationS3Uri": config["DestinationS3Uri"],
        "KmsKeyId": config.get("KmsKeyId", ""),
    }
