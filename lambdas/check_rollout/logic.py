"""Whether an endpoint serves the wanted model: what SageMaker says, then what the model says.

UpdateEndpoint may roll back in silence: the endpoint is InService again, with the old config. So the status proves
nothing.
"""

from typing import Any

from shared import descriptor as descriptors
from shared import endpoints
from shared.fields import take, take_matching
from shared.names import WORKLOAD

from check_rollout.smoke import objection

# While autoscaling changes an endpoint it serves on; a config other than the wanted one would be a rollback.
_SERVES = {"InService", "Updating", "SystemUpdating"}


def check(event: dict[str, Any], *, ssm: Any, sagemaker: Any, runtime: Any, workloads_path: str) -> dict[str, Any]:
    """`{"serving", "reason"}`; the reason says what serves, or why the step's models do not."""
    workload = take_matching(event, "workload", WORKLOAD)
    descriptor = descriptors.read(ssm, path=workloads_path, workload=workload)
    version = take(event, "model_version", str)
    step = take(event, "step", dict)
    config = take(step, "config", str, where="input.step")
    models = take(step, "models", dict, where="input.step")
    endpoint = descriptor["endpoint_name"]
    reason = _wrong_config(sagemaker, endpoint, config) or _wrong_models(sagemaker, config, models)
    if reason is None and step["ask"] is not None:
        reason = objection(
            runtime,
            endpoint=endpoint,
            variant=step["ask"],
            serving=descriptor["serving"],
            version=version,
            # An image of one's own need not know that there are versions.
            silent=descriptor["training"]["script"] is None,
        )
    if reason:
        return {"serving": False, "reason": reason}
    shown = ", ".join(f"{variant}: {model}" for variant, model in sorted(models.items()))
    return {"serving": True, "reason": f"{endpoint} serves {shown}"}


def _wrong_config(sagemaker: Any, endpoint_name: str, wanted: str) -> str | None:
    endpoint = endpoints.describe(sagemaker, endpoint_name)
    if endpoint is None:
        return f"endpoint {endpoint_name} does not exist"
    status, config = endpoint["EndpointStatus"], endpoint["EndpointConfigName"]
    why = f": {endpoint['FailureReason']}" if endpoint.get("FailureReason") else ""
    if config != wanted:
        return (
            f"endpoint {endpoint_name} is {status} and serves config {config}, not {wanted}: SageMaker rolled back{why}"
        )
    return None if status in _SERVES else f"endpoint {endpoint_name} is {status}, not InService{why}"


def _wrong_models(sagemaker: Any, config_name: str, wanted: dict[str, str]) -> str | None:
    config = endpoints.describe_config(sagemaker, config_name)
    if config is None:
        return f"endpoint config {config_name} does not exist any more"
    models = {variant["VariantName"]: variant["ModelName"] for variant in config["ProductionVariants"]}
    return None if models == wanted else f"endpoint config {config_name} serves {models}, not {wanted}"
