"""ministack reads botocore's service models by the one loader that this process has.

At the first request to each service it would read that service's model two to four times, on the event loop: some 0.5 s
of processor time until the first model of a stack serves.
"""

from __future__ import annotations

import importlib
from functools import cache
from typing import Any

from botocore.exceptions import DataNotFoundError
from botocore.model import ServiceModel

from localcloud import clients


def register() -> None:
    """Before anything else of ministack takes hold of these functions."""
    actions = importlib.import_module("ministack.core.iam_actions")
    responses = importlib.import_module("ministack.core.responses")

    @cache
    def service_model(service: str) -> ServiceModel | None:
        name = responses._BOTOCORE_NAME.get(service, service)
        document = _document(name)
        return ServiceModel(document, name) if document else None

    actions._load_botocore_model = _document
    responses._service_model = service_model


def _document(service: str) -> dict[str, Any]:
    """Empty where botocore knows no such service."""
    try:
        return clients.loader().load_service_model(service, "service-2")
    except DataNotFoundError:
        return {}
