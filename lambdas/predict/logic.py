"""A prediction: check the request, ask the endpoint, say who answered."""

from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from shared import strict_json
from shared.clients import error_code, error_message
from shared.custom_attributes import model_version
from shared.errors import UnknownWorkload
from shared.http import JSON, ApiError, Request, respond
from shared.log import Log

from predict import failures, validation
from predict.directory import Directory

# A Lambda may answer with 6 MB; the rest is room for the envelope and its escapes.
MAX_ANSWER_BYTES = 5 * 1024 * 1024


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
    answer = _invoke(runtime, endpoint, request.body, log)
    version, variant = model_version(answer.get("CustomAttributes")), answer.get("InvokedProductionVariant")
    document = {**_document(answer), "model_version": version, "variant": variant}
    log.info("predicted", workload=name, model_version=version, variant=variant)
    sources = {"X-Slipway-Model-Version": version, "X-Slipway-Variant": variant}
    return respond(200, document, {header: value for header, value in sources.items() if value})


def _invoke(runtime: Any, endpoint: str, body: bytes, log: Log) -> dict[str, Any]:
    """InvokeEndpoint's answer, its body read."""
    try:
        answer = runtime.invoke_endpoint(EndpointName=endpoint, Body=body, ContentType=JSON, Accept=JSON)
        return {**answer, "Body": answer["Body"].read(MAX_ANSWER_BYTES + 1)}
    except ClientError as error:
        # ModelError's message quotes the container's answer, which may quote the request.
        detail = "" if error_code(error) == "ModelError" else error_message(error)
        status = error.response.get("OriginalStatusCode")
        log.warning("invocation failed", endpoint=endpoint, error=error_code(error), detail=detail, model_status=status)
        raise failures.from_client_error(error) from error
    except BotoCoreError as error:
        log.warning("invocation failed", endpoint=endpoint, error=type(error).__name__)
        raise failures.from_botocore_error(error) from error


def _document(answer: dict[str, Any]) -> dict[str, Any]:
    """The container's JSON object."""
    body = answer["Body"]
    if len(body) > MAX_ANSWER_BYTES:
        raise ApiError(
            502, "model_error", f"the model's answer is larger than {MAX_ANSWER_BYTES} bytes; send fewer instances"
        )
    try:
        document = strict_json.loads(body)
    except ValueError as error:
        raise ApiError(502, "model_error", "the model's answer is not JSON") from error
    if not isinstance(document, dict):
        raise ApiError(502, "model_error", "the model's answer is not a JSON object")
    return document
