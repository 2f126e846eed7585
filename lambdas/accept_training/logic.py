"""A request for a training run: checked, and handed to EventBridge. Whether its values are in range is for the run's
own plan to say.
"""

import json
import uuid
from typing import Any

from shared import descriptor as descriptors
from shared import strict_json
from shared.descriptor import Descriptor
from shared.errors import UnknownWorkload
from shared.http import ApiError, Request, respond
from shared.log import Log
from shared.names import DATASET

MAX_BODY_BYTES = 64 * 1024
RETRY_AFTER_SECONDS = 5
SOURCE, DETAIL_TYPE = "slipway", "Training Requested"


def accept(request: Request, *, ssm: Any, events: Any, workloads_path: str, log: Log) -> dict[str, Any]:
    """202 with the id of the request, once EventBridge has it; `ApiError` for anything else."""
    name = request.path_parameters.get("name", "")
    try:
        descriptor = descriptors.read(ssm, path=workloads_path, workload=name)
    except UnknownWorkload as error:
        raise ApiError(404, "unknown_workload", f"there is no workload named {name[:64]!r}") from error
    if not descriptor["triggers"]["api"]:
        raise ApiError(403, "forbidden", f"triggers.api of workload {name!r} is false: it takes no requests for runs")
    document = _document(request.body)
    detail = {
        "workload": name,
        "request_id": str(uuid.uuid4()),
        "dataset": _dataset(document),
        "hyperparameters": _hyperparameters(document, descriptor),
    }
    _send(events, detail)
    log.info("accepted", workload=name, training_request=detail["request_id"], dataset=detail["dataset"])
    return respond(202, {"request_id": detail["request_id"], "workload": name, "dataset": detail["dataset"]})


def _document(body: bytes) -> dict[str, Any]:
    if len(body) > MAX_BODY_BYTES:
        raise ApiError(413, "payload_too_large", f"the body is larger than {MAX_BODY_BYTES} bytes")
    try:
        document = strict_json.loads(body or b"{}")
    except ValueError as error:
        raise ApiError(400, "invalid_body", f"the body is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise ApiError(400, "invalid_body", "the body must be a JSON object")
    unknown = sorted(document.keys() - {"dataset", "hyperparameters"})
    if unknown:
        message = f"unknown key {unknown[0][:64]!r}; allowed: 'dataset', 'hyperparameters'"
        raise ApiError(400, "invalid_body", message, field=unknown[0][:64])
    return document


def _dataset(document: dict[str, Any]) -> str | None:
    """None: the newest complete one."""
    dataset = document.get("dataset")
    if dataset is not None and not (isinstance(dataset, str) and DATASET.fullmatch(dataset)):
        raise ApiError(400, "invalid_body", f"dataset must match {DATASET.pattern}, or be left out", field="dataset")
    return dataset


def _hyperparameters(document: dict[str, Any], descriptor: Descriptor) -> dict[str, str]:
    values = document.get("hyperparameters", {})
    if not isinstance(values, dict):
        raise ApiError(400, "invalid_body", "hyperparameters must be a JSON object", field="hyperparameters")
    known = descriptor["training"]["hyperparameters"]
    for name, value in values.items():
        field = f"hyperparameters.{name[:64]}"
        if name not in known:
            allowed = ", ".join(sorted(known)) or "none"
            raise ApiError(400, "invalid_body", f"{name[:64]!r} is no hyperparameter; allowed: {allowed}", field=field)
        if not isinstance(value, str | int | float):
            raise ApiError(400, "invalid_body", f"{field} must be a string, a number or a boolean", field=field)
    return {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in values.items()}


def _send(events: Any, detail: dict[str, Any]) -> None:
    """EventBridge answers 200 for an entry that it did not take."""
    entry = {"Source": SOURCE, "DetailType": DETAIL_TYPE, "Detail": json.dumps(detail)}
    if events.put_events(Entries=[entry])["FailedEntryCount"]:
        raise ApiError(503, "unavailable", "the request was not taken: send it again", retry_after=RETRY_AFTER_SECONDS)
