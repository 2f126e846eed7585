"""What the endpoint serves now."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from shared import endpoints, variants
from shared.errors import SlipwayError
from shared.variants import Variant

from plan_rollout import scaling
from plan_rollout.scaling import Scaling

# DescribeEndpoint, EndpointStatus: states that pass by themselves.
_TRANSIENT = {"Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting"}
# UpdateEndpoint is also the way out of a rollback that failed half-way.
_UPDATABLE = {"InService", "UpdateRollbackFailed"}


ASKED_INSTANCES = "slipway:instances"
"""Tag of an endpoint config: the manifest's instance count."""
SERVES_SINCE = "slipway:serves-since"
"""Tag of an endpoint config, by the state machine: when its rollout was through, ISO 8601."""


class EndpointBusy(SlipwayError):
    """The endpoint is in a state that passes: try again later."""


class EndpointNotUpdatable(SlipwayError):
    """The endpoint is in a state that UpdateEndpoint refuses and that does not pass by itself."""


@dataclass(frozen=True, kw_only=True)
class Serving:
    """`variants`: the one with the most traffic first; of equal ones, the older model. `scalings`: what scales those
    that are scaled, in the same order. `asked_instances`: what the manifest asked for when the config was made,
    whatever size the rollout kept; None for a config that does not say. `since`: when the config had all traffic;
    when it was made, for one that does not say.
    """

    config_name: str
    variants: tuple[Variant, ...]
    asked_instances: int | None
    since: datetime
    scalings: Mapping[str, Scaling] = field(default_factory=dict)

    @property
    def champion(self) -> Variant:
        return self.variants[0]

    def scaled_to(self, variant: Variant) -> int | None:
        """The size that a person or a policy gave the variant; None where it has what the manifest asked for."""
        asked = variant.configured if self.asked_instances is None else self.asked_instances
        chosen = variant.name in self.scalings or variant.instances != asked
        return variant.instances if chosen else None

    @property
    def newcomer(self) -> Variant | None:
        """The variant that a split brought, however much traffic it has by now; None where no split is under way."""
        return next((variant for variant in self.variants if self.config_name == split_config(variant.model)), None)


def split_config(model: str) -> str:
    """The endpoint config that serves a new `model` beside the one before it."""
    return f"{model}-split"


def require_convertible(serving: "Serving", *, endpoint_name: str, serverless: bool) -> None:
    """Raises EndpointNotUpdatable: SageMaker turns no endpoint on instances into a serverless one."""
    if serverless and any(variant.instance_type for variant in serving.variants):
        raise EndpointNotUpdatable(
            f"endpoint {endpoint_name} has instances, and SageMaker turns none into a serverless one: delete it"
            f" (aws sagemaker delete-endpoint --endpoint-name {endpoint_name}) and approve the model package again"
        )


def find(sagemaker: Any, autoscaling: Any, endpoint_name: str, *, now: datetime) -> Serving | None:
    """None when there is no endpoint. Raises EndpointBusy, EndpointNotUpdatable."""
    endpoint = endpoints.describe(sagemaker, endpoint_name)
    if endpoint is None:
        return None
    _require_updatable(endpoint)
    found = variants.serving(sagemaker, endpoint)
    config = sagemaker.describe_endpoint_config(EndpointConfigName=endpoint["EndpointConfigName"])
    tags = {tag["Key"]: tag["Value"] for tag in sagemaker.list_tags(ResourceArn=config["EndpointConfigArn"])["Tags"]}
    return Serving(
        config_name=endpoint["EndpointConfigName"],
        variants=found,
        asked_instances=int(tags[ASKED_INSTANCES]) if ASKED_INSTANCES in tags else None,
        since=datetime.fromisoformat(tags[SERVES_SINCE]) if SERVES_SINCE in tags else config["CreationTime"],
        scalings=scaling.find(autoscaling, endpoint_name, [variant.name for variant in found], now=now),
    )


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
