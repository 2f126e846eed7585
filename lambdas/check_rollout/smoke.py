"""The smoke test: the workload's sample request, sent to the endpoint, judged by the form of the answer."""

import json
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from shared import strict_json
from shared.clients import error_code, error_message
from shared.custom_attributes import model_version
from shared.descriptor import Serving

# InvokeEndpoint, Body: at most 6,291,456 bytes.
MAX_ANSWER_BYTES = 6 * 1024 * 1024


def objection(runtime: Any, *, endpoint: str, variant: str, serving: Serving, version: str, silent: bool) -> str | None:
    """Why the variant's answer to the sample request will not do; None when it will, or when the workload has no sample
    request. With `silent` the answer need not say which version gave it.
    """
    sample = serving["sample_request"]
    if sample is None:
        return None
    try:
        answer = runtime.invoke_endpoint(
            EndpointName=endpoint,
            TargetVariant=variant,
            Body=json.dumps(sample).encode(),
            ContentType="application/json",
            Accept="application/json",
        )
        body = answer["Body"].read(MAX_ANSWER_BYTES)
    except ClientError as error:
        return f"sample request failed: {error_code(error)}: {error_message(error)[:500]}"
    except BotoCoreError as error:
        return f"sample request failed: {error}"
    return _wrong_version(answer, version, silent=silent) or _wrong_form(body, sample)


def _wrong_version(answer: dict[str, Any], wanted: str, *, silent: bool) -> str | None:
    said = model_version(answer.get("CustomAttributes"))
    if said is None and silent:
        return None
    return None if said == wanted else f"sample request was answered by model version {said}, not {wanted}"


def _wrong_form(body: bytes, sample: Any) -> str | None:
    try:
        document = strict_json.loads(body)
    except ValueError as error:
        return f"the answer to the sample request is not JSON: {error}"
    predictions = document.get("predictions") if isinstance(document, dict) else None
    if not isinstance(predictions, list):
        return "the answer to the sample request has no list 'predictions'"
    instances = sample.get("instances") if isinstance(sample, dict) else None
    if isinstance(instances, list) and len(instances) != len(predictions):
        return f"the sample request has {len(instances)} instances, its answer {len(predictions)} predictions"
    return None
