"""What the endpoint serves now."""

from dataclasses import dataclass
from typing import Any

from shared import endpoints, variants
from shared.errors import SlipwayError
from shared.variants import Variant

# DescribeEndpoint, EndpointStatus: states that pass by themselves.
_TRANSIENT = {"Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting"}
# UpdateEndpoint is also the way out of a rollback that failed half-way.
_UPDATABLE = {"InService", "UpdateRollbackFailed"}


class EndpointBusy(SlipwayError):
    """The endpoint is in a state that passes: try again later."""


class EndpointNotUpdatable(SlipwayError):
    """The endpoint is in a state that UpdateEndpoint refuses and that does not pass by itself."""


@dataclass(frozen=True, kw_only=True)
class Serving:
    """`variants`: the one with the most traffic first; of equal ones, the older model."""

    config_name: str
    variants: tuple[Variant, ...]

    @property
    def champion(self) -> Variant:
        return self.variants[0]

    @property
    def newcomer(self) -> Variant | None:
        """The variant that a split brought, however much traffic it has by now; None where no split is under way."""
        return next((variant for variant in self.variants if self.config_name == split_config(variant.model)), None)


def split_config(model: str) -> str:
    """The endpoint config that serves a new `model` beside the one before it."""
    return f"{model}-split"


def find(sagemaker: Any, endpoint_name: str) -> Serving | None:
    """None when there is no endpoint. Raises EndpointBusy, EndpointNotUpdatable."""
    endpoint = endpoints.describe(sagemaker, endpoint_name)
    if endpoint is None:
        return None
    _require_updatable(endpoint)
    return Serving(config_name=endpoint["EndpointConfigName"], variants=variants.serving(sagemaker, endpoint))


def _require_updatable(endpoint: dict[str, Any]) -> None:
    name, status = endpoint["EndpointName"], endpoint["EndpointStatus"]
    if status in _UPDATABLE:
        return
    if status in _TRANSIENT:
        raise EndpointBusy(f"endpoint {name} is {status}: the rollout has to wait until it is InService")
    raise EndpointNotUpdatable(
        f"endpoint {name} is {status} ({endpoint.get('FailureReason', 'no reason given')}) and cannot be updated: "
        f"delete it (aws sagemaker delete-endpoint --endpoint-name {name}) and approve the model package again"
    )
