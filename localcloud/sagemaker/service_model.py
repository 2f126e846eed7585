"""SageMaker's service model as botocore ships it: the operations, their input and output shapes."""

from __future__ import annotations

from functools import cache
from typing import Any

from botocore.model import OperationModel, ServiceModel, Shape

from localcloud import clients


@cache
def service_model() -> ServiceModel:
    """Read once a process (a few tenths of a second)."""
    return ServiceModel(clients.loader().load_service_model("sagemaker", "service-2"), "sagemaker")


@cache
def operation_model(operation: str) -> OperationModel | None:
    """None when the service model has no such operation."""
    model = service_model()
    return model.operation_model(operation) if operation in model.operation_names else None


def project(shape: Shape, value: Any) -> Any:
    """What of ``value`` the shape knows, in the shape's order: how a stored document becomes an answer."""
    if shape.type_name == "structure":
        known = ((name, value.get(name), member) for name, member in shape.members.items())
        return {name: project(member, part) for name, part, member in known if part is not None}
    if shape.type_name == "list":
        return [project(shape.member, item) for item in value]
    if shape.type_name == "map":
        return {key: project(shape.value, item) for key, item in value.items()}
    return value
