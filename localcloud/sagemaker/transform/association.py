"""DataProcessing: which part of a record is sent, and what is written beside its answer.

https://docs.aws.amazon.com/sagemaker/latest/dg/batch-transform-data-processing.html
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from localcloud.sagemaker.capture import format_time
from localcloud.sagemaker.transform.formats import Format, FormatError, format_of
from localcloud.sagemaker.transform.jsonpath import JsonPath
from localcloud.sagemaker.transform.payloads import Payload


@dataclass(frozen=True, kw_only=True)
class Association:
    """What happens to the bodies of one job's requests and answers.

    Attributes:
        source, result: the formats of what is read and of what the model answers; None where nothing has to be
            understood.
        labelled: GenerateInferenceId, an id and a time are added to every record written.
        split: a payload's records are the format's; otherwise its only record is a whole object.
    """

    input_filter: JsonPath
    output_filter: JsonPath
    joined: bool
    labelled: bool
    split: bool
    source: Format | None
    result: Format | None
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    @classmethod
    def of(cls, job: dict[str, Any]) -> Association:
        """From a CreateTransformJob request that was accepted. Raises PathSyntaxError."""
        processing = job.get("DataProcessing", {})
        content_type = job["TransformInput"].get("ContentType", "")
        split_type = job["TransformInput"].get("SplitType", "None")
        return cls(
            input_filter=JsonPath.parse(processing.get("InputFilter") or "$"),
            output_filter=JsonPath.parse(processing.get("OutputFilter") or "$"),
            joined=processing.get("JoinSource", "None") == "Input",
            labelled=job.get("DataCaptureConfig", {}).get("GenerateInferenceId", False),
            split=split_type != "None",
            source=format_of(content_type, split_type),
            result=format_of(job["TransformOutput"].get("Accept") or content_type, split_type),
        )

    @property
    def reads_source(self) -> bool:
        """The input has to be understood."""
        return self.joined or not self.input_filter.is_root

    @property
    def reads_result(self) -> bool:
        """The answers have to be understood."""
        return self.joined or self.labelled or not self.output_filter.is_root

    def request(self, payload: Payload) -> bytes:
        """What of a payload is sent to the model. Raises FormatError, PathMismatch."""
        if self.input_filter.is_root:
            return payload.body
        records = self.source.decode(payload.body, self._count(payload))
        body = self.source.encode([self.input_filter.select(record) for record in records])
        # As without a filter: a record that is sent alone has no line end.
        return body if payload.body.endswith(b"\n") else body.removesuffix(b"\n")

    def output(self, payload: Payload, answer: bytes) -> bytes:
        """What is written for a payload and the model's answer to it. Raises FormatError, PathMismatch."""
        if not self.reads_result:
            return answer
        count = self._count(payload)
        results = self.result.decode(answer, count)
        if self.joined:
            results = self._join(self.source.decode(payload.body, count), results)
        results = [self.output_filter.select(result) for result in results]
        if self.labelled:
            moment = format_time(self.clock())
            results = [self.result.label(result, str(uuid.uuid4()), moment) for result in results]
        return self.result.encode(results)

    def _count(self, payload: Payload) -> int | None:
        return payload.count if self.split else None

    def _join(self, records: list[Any], results: list[Any]) -> list[Any]:
        if len(records) != len(results):
            raise FormatError(
                f"Failed to join the output with the input: {len(records)} records were sent and {len(results)} records"
                " were answered"
            )
        return [self.source.join(record, result) for record, result in zip(records, results, strict=True)]
