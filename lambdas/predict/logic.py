"""A prediction: check the request, ask the endpoint, say who answered."""

import uuid
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from shared import strict_json
from shared.clients import error_code, error_message
from shared.custom_attributes import model_version
from shared.errors import UnknownWorkload
from shared.http import JSON, ApiError, Request, respond, respond_body
from shared.log import Log

from predict import failures, validation
from predict.directory import Directory, Endpoint

# A Lambda may answer with 6 MB; the rest is room for the envelope, and for escapes or base64.
MAX_ANSWER_BYTES = 4_456_448


def predict(
    request: Request, *, ssm: Any, runtime: Any, workloads_path: str, log: Log, directory: Directory
) -> dict[str, Any]:
    """The proxy response of a success; `ApiError` for anything else."""
    name = request.path_parameters.get("name", "")
    try:
        endpoint = directory.endpoint(ssm, path=workloads_path, workload=name)
    except UnknownWorkload as error:
        raise ApiError(404, "unknown_workload", f"there is no workload named {name[:64]!r}") from error
    validation.check(request)
    inference_id = str(uuid.uuid4())
    answer = _invoke(runtime, endpoint, request, inference_id, log)
    version, variant = model_version(answer.get("CustomAttributes")), answer.get("InvokedProductionVariant")
    content_type = answer.get("ContentType") or JSON
    log.info("predicted", workload=name, model_version=version, variant=variant, content_type=content_type)
    sources = {
        "X-Slipway-Inference-Id": inference_id,
        "X-Slipway-Model-Version": version,
        "X-Slipway-Variant": variant,
    }
    headers = {header: value for header, value in sources.items() if value}
    if content_type.partition(";")[0].strip().lower() != JSON:
        return respond_body(200, _body(answer), {"Content-Type": content_type, **headers})
    return respond(200, {**_document(answer), "model_version": version, "variant": variant}, headers)


def _invoke(runtime: Any, endpoint: Endpoint, request: Request, inference_id: str, log: Log) -> dict[str, Any]:
    """InvokeEndpoint's answer, its body read. What the body is, and what is asked for, goes on as the caller said.
    `inference_id` is what data capture files the request under.
    """
    kinds = {"ContentType": request.headers["content-type"], "Accept": request.headers.get("accept") or JSON}
    try:
        answer = runtime.invoke_endpoint(
            EndpointName=endpoint.name, Body=request.body, InferenceId=inference_id, **kinds
        )
        return {**answer, "Body": answer["Body"].read(MAX_ANSWER_BYTES + 1)}
    except ClientError as error:
        # ModelError's message quotes the container's answer, which may quote the request.
        detail = "" if error_code(error) == "ModelError" else error_message(error)
        status = error.response.get("OriginalStatusCode")
        log.warning(
            "invocation failed", endpoint=endpoint.name, error=error_code(error), detail=detail, model_status=status
        )
        raise failures.from_client_error(error, sleeps=endpoint.sleeps) from error
    except BotoCoreError as error:
        log.warning("invocation failed", endpoint=endpoint.name, error=type(error).__name__)
        raise failures.from_botocore_error(error, sleeps=endpoint.sleeps) from error


def _body(answer: dict[str, Any]) -> bytes:
    if len(answer["Body"]) > MAX_ANSWER_BYTES:
        raise ApiError(
            502, "model_error", f"the model's answer is larger than {MAX_ANSWER_BYTES} bytes; send fewer instances"
        )
    return answer["Body"]


def _document(answer: dict[str, Any]) -> dict[str, Any]:
    """The container's JSON object."""
    try:
        document = strict_json.loads(_body(answer))
    except ValueError as error:
        raise ApiError(502, "model_error", "the model's answer is not JSON") from error
    if not isinstance(document, dict):
        raise ApiError(502, "model_error", "the model's answer is not a JSON object")
    return document
